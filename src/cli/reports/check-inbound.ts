/** The output of `check:inbound` for people. */
import type { CheckName, CheckResult } from '../../doctor/check.ts';

const names = {
  configuration: 'configuration',
  database: 'database',
  number: 'number',
  twilio: 'Twilio account',
  twilio_number: 'Twilio number',
  twilio_trunk: 'Twilio trunk',
  origination: 'origination URL',
  livekit: 'LiveKit',
  livekit_trunk: 'inbound trunk',
  dispatch_rule: 'dispatch rule',
  service: 'service',
  worker: 'worker',
  webhook: 'webhook',
  deepgram: 'Deepgram',
  openai: 'OpenAI',
} as const satisfies Record<CheckName, string>;

const nameWidth = Math.max(...Object.values(names).map(({ length }) => length));
const indent = ' '.repeat('skipped  '.length + nameWidth + 2);

/** Combines equal results of several numbers into one, with the list of numbers. */
const merged = (results: readonly CheckResult[]): readonly (readonly [CheckResult, readonly string[]])[] => {
  const groups = Map.groupBy(results, ({ check, state, code, message, fix }) =>
    JSON.stringify([check, state, code, message, fix]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [[first, group.flatMap(({ number }) => number ?? [])] as const];
  });
};

const numbersText = (numbers: readonly string[]): string => {
  if (numbers.length === 0) return '';
  return numbers.length > 3 ? `${numbers.length} numbers: ` : `${numbers.join(', ')}: `;
};

/** A line for each check, with its fix below it. The summary comes last, where a terminal shows it. */
export const linesOf = (results: readonly CheckResult[]): string[] => [
  ...merged(results).flatMap(([{ check, state, message, fix }, numbers]) => [
    `${state.padEnd(7)}  ${names[check].padEnd(nameWidth)}  ${numbersText(numbers)}${message}`,
    ...(fix === null ? [] : [`${indent}→ ${fix}`]),
  ]),
  '',
  ...summary(results),
];

const summary = (results: readonly CheckResult[]): string[] => {
  const [first, ...others] = results.filter(({ state }) => state === 'failed');
  if (first === undefined) return [`All ${results.length} checks passed: calls are answered.`];
  const count = others.length === 0 ? '1 check failed.' : `${others.length + 1} checks failed. Start with the first:`;
  return [count, `→ ${first.fix ?? first.message}`];
};
