/** Turns probe results into findings. Pure. */
import type { Config } from '../config.ts';
import {
  configurationFindings,
  databaseFinding,
  noNumbers,
  providerFinding,
  serviceFindings,
  webhookFinding,
  workerFinding,
} from './installation-findings.ts';
import { checkNames, skipped, type CheckName, type CheckResult, type Finding } from './check.ts';
import { livekitFindings, projectFinding } from './livekit-findings.ts';
import { numberFinding } from './number-findings.ts';
import type { ProbeResults } from './probe-results.ts';
import { accountFinding, twilioFindings } from './twilio-findings.ts';

/** The results when the configuration can't be read: nothing was probed. */
export const diagnoseConfiguration = (problems: readonly string[]): CheckResult[] =>
  checkNames.flatMap((check) =>
    (check === 'configuration'
      ? configurationFindings(null, problems)
      : [skipped('The configuration is invalid.')]
    ).map((finding) => ({ check, number: null, ...finding })),
  );

/**
 * The results of all checks, in the order of the call path.
 * @param problems the errors of loadConfig, where a configuration could be read nevertheless
 * @param requested the only number to check, in E.164; null: all active numbers
 */
export const diagnose = (
  config: Config,
  problems: readonly string[],
  probes: ProbeResults,
  requested: string | null,
): CheckResult[] => {
  const { database } = probes;
  const known = database.kind === 'ok' ? database.value.numbers.map(({ number }) => number) : [];
  const numbers = requested === null ? known : [requested];
  const results = [
    ...installation('configuration', ...configurationFindings(config, problems)),
    ...installation('database', databaseFinding(probes)),
    ...(database.kind === 'ok' && numbers.length === 0 ? installation('number', noNumbers) : []),
    ...installation('twilio', accountFinding(probes)),
    ...installation('livekit', projectFinding(config, probes)),
    ...numbers.flatMap((number) => numberResults(config, probes, number)),
    ...installation('service', ...serviceFindings(probes)),
    ...installation('worker', workerFinding(probes, config.agentName)),
    ...installation('webhook', webhookFinding(config, probes)),
    ...installation('deepgram', providerFinding('deepgram', probes.deepgram)),
    ...installation('openai', providerFinding('openai', probes.openai)),
  ];
  return results.toSorted((one, other) => checkNames.indexOf(one.check) - checkNames.indexOf(other.check));
};

const installation = (check: CheckName, ...findings: readonly Finding[]): CheckResult[] =>
  findings.map((finding) => ({ check, number: null, ...finding }));

const numberResults = (config: Config, probes: ProbeResults, number: string): CheckResult[] => {
  const findings: readonly (readonly [CheckName, Finding])[] = [
    ['number', numberFinding(config, probes, number)],
    ...twilioFindings(config, probes, number),
    ...livekitFindings(config, probes, number),
  ];
  return findings.map(([check, finding]) => ({ check, number, ...finding }));
};
