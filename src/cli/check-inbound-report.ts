/** What `check:inbound` tells a person. */
import type { Link, LinkName } from '../doctor/check.ts';

/** Nothing is wrong: links that were skipped are so because of one that is. */
export const isFine = (links: readonly Link[]): boolean => links.every(({ state }) => state !== 'wrong');

const names = {
  configuration: 'configuration',
  database: 'database',
  number: 'number',
  twilio: 'Twilio',
  twilio_number: "Twilio's number",
  twilio_trunk: "Twilio's trunk",
  origination: 'origination URL',
  livekit: 'LiveKit',
  livekit_trunk: "LiveKit's trunk",
  dispatch_rule: 'dispatch rule',
  service: 'service',
  worker: 'worker',
  webhook: 'webhook',
  deepgram: 'Deepgram',
  openai: 'OpenAI',
} as const satisfies Record<LinkName, string>;

const nameWidth = Math.max(...Object.values(names).map(({ length }) => length));
const indent = ' '.repeat('skipped  '.length + nameWidth + 2);

/** Links of several numbers that say the same are one: the numbers of each. */
const merged = (links: readonly Link[]): readonly (readonly [Link, readonly string[]])[] => {
  const groups = Map.groupBy(links, ({ link, state, code, message, mend }) =>
    JSON.stringify([link, state, code, message, mend]),
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

/** A line for each link, with what mends it below; what to do first comes last, where it is read first. */
export const linesOf = (links: readonly Link[]): string[] => {
  const wrong = links.filter(({ state }) => state === 'wrong');
  return [
    ...merged(links).flatMap(([{ link, state, message, mend }, numbers]) => [
      `${state.padEnd(7)}  ${names[link].padEnd(nameWidth)}  ${numbersText(numbers)}${message}`,
      ...(mend === null ? [] : [`${indent}→ ${mend}`]),
    ]),
    '',
    ...closing(links, wrong),
  ];
};

const closing = (links: readonly Link[], [first, ...others]: readonly Link[]): string[] => {
  if (first === undefined) return [`All ${links.length} links are right: it rings, and is answered.`];
  const more = others.length === 0 ? '' : ` (${others.length} more below it)`;
  return [`Something is wrong${more}. First: ${first.mend ?? first.message}`];
};
