/** From what was seen to what is wrong. Pure. */
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
import { linkNames, skipped, type Finding, type Link, type LinkName } from './check.ts';
import { livekitFindings, projectFinding } from './livekit-findings.ts';
import { numberFinding } from './number-findings.ts';
import type { Seen } from './probe-results.ts';
import { accountFinding, twilioFindings } from './twilio-findings.ts';

/** A configuration that can't be read: nothing can be looked at. */
export const diagnoseConfiguration = (problems: readonly string[]): Link[] =>
  linkNames.flatMap((link) =>
    (link === 'configuration'
      ? configurationFindings(null, problems)
      : [skipped('The configuration has to be right first.')]
    ).map((finding) => ({ link, number: null, ...finding })),
  );

/**
 * Every link, in the order of the chain: those of a number once for each number.
 * @param problems what loadConfig said of the environment, where one could be read nevertheless
 * @param asked the number that was asked about, in E.164; null: all that are active
 */
export const diagnose = (config: Config, problems: readonly string[], seen: Seen, asked: string | null): Link[] => {
  const numbers = seen.database.kind === 'seen' ? seen.database.value.numbers.map(({ number }) => number) : [];
  const judged = asked === null ? numbers : [asked];
  const ofInstallation = (link: LinkName, ...findings: readonly Finding[]): Link[] =>
    findings.map((finding) => ({ link, number: null, ...finding }));
  const hasNone = seen.database.kind === 'seen' && judged.length === 0;
  const links = [
    ...ofInstallation('configuration', ...configurationFindings(config, problems)),
    ...ofInstallation('database', databaseFinding(seen)),
    ...(hasNone ? ofInstallation('number', noNumbers) : []),
    ...ofInstallation('twilio', accountFinding(seen)),
    ...ofInstallation('livekit', projectFinding(config, seen)),
    ...judged.flatMap((number) => linksOf(config, seen, number)),
    ...ofInstallation('service', ...serviceFindings(seen)),
    ...ofInstallation('worker', workerFinding(seen, config.agentName)),
    ...ofInstallation('webhook', webhookFinding(config, seen)),
    ...ofInstallation('deepgram', providerFinding('deepgram', seen.deepgram)),
    ...ofInstallation('openai', providerFinding('openai', seen.openai)),
  ];
  return links.toSorted((one, other) => linkNames.indexOf(one.link) - linkNames.indexOf(other.link));
};

const linksOf = (config: Config, seen: Seen, number: string): Link[] => {
  const findings: readonly (readonly [LinkName, Finding])[] = [
    ['number', numberFinding(config, seen, number)],
    ...twilioFindings(config, seen, number),
    ...livekitFindings(config, seen, number),
  ];
  return findings.map(([link, finding]) => ({ link, number, ...finding }));
};
