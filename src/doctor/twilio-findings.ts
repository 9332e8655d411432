/** Findings about how Twilio routes the calls of a number. */
import type { Config } from '../config.ts';
import type { OwnedNumber } from '../numbers/owned-number.ts';
import type { Origination } from '../twilio/client.ts';
import { planSetup, type SetupPlan } from '../twilio/setup-plan.ts';
import { failed, findingOf, ok, skipped, type CheckName, type Finding } from './check.ts';
import type { ProbeResults, TwilioState } from './probe-results.ts';

export const accountFinding = ({ twilio }: ProbeResults): Finding =>
  twilio.kind === 'ok' ? ok(`Account ${twilio.value.accountSid} is accessible.`) : findingOf(twilio);

type NamedFindings = readonly (readonly [CheckName, Finding])[];

/** Findings about the number itself, its trunk, and the trunk's origination URLs. */
export const twilioFindings = (config: Config, probes: ProbeResults, number: string): NamedFindings => {
  const skipAll = (reason: string): NamedFindings =>
    (['twilio_number', 'twilio_trunk', 'origination'] as const).map((check) => [check, skipped(reason)]);
  if (probes.twilio.kind !== 'ok') return skipAll('Twilio is not accessible.');
  const owned = probes.twilio.value.owned.find((one) => one.number === number);
  if (owned === undefined)
    return [
      ['twilio_number', notInAccount(probes.twilio.value)],
      ...skipAll('The number is not in the Twilio account.').slice(1),
    ];
  const fix = fixFor(probes, owned);
  return [
    ...numberFindings(owned, fix).map((finding) => ['twilio_number', finding] as const),
    ['twilio_trunk', trunkFinding(owned, fix)],
    ...originationFindings(config, probes.twilio.value, owned, fix).map((finding) => ['origination', finding] as const),
  ];
};

const notInAccount = ({ accountSid }: TwilioState): Finding =>
  failed(
    'number_not_in_account',
    `The number is not in the Twilio account ${accountSid}.`,
    'Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN to the account that owns it, or deactivate the number here.',
  );

/** The `setup:twilio` command: for this number on its own trunk, or for all numbers of its tenant if it has none. */
const fixFor = (probes: ProbeResults, { number, trunkSid, voiceApplicationSid }: OwnedNumber) => {
  const database = probes.database.kind === 'ok' ? probes.database.value : null;
  const tenant = database?.numbers.find((one) => one.number === number)?.record?.facts.tenant;
  const scope = database?.hasSeveralTenants === true && tenant !== undefined ? ` --tenant ${tenant.id}` : '';
  const isApart = trunkSid !== null || voiceApplicationSid !== null;
  const which = `${trunkSid === null ? '' : ` --trunk ${trunkSid}`}${isApart ? ` --number ${number}` : ''}`;
  return (flags = voiceApplicationSid === null ? '' : ' --move-numbers'): string =>
    `npm run cli -- setup:twilio${scope}${which}${flags} --yes`;
};
type FixFor = ReturnType<typeof fixFor>;

const numberFindings = (owned: OwnedNumber, fix: FixFor): Finding[] => {
  const problems: Finding[] = [
    ...(owned.capabilities.voice
      ? []
      : [failed('number_without_voice', `${owned.sid} does not support voice calls.`, 'Buy a number that does.')]),
    ...(owned.voiceUrl === ''
      ? []
      : [
          failed(
            'voice_url_set',
            `The Voice URL of ${owned.sid} must be empty, but is ${originOf(owned.voiceUrl)}.`,
            fix(),
          ),
        ]),
  ];
  return problems.length > 0 ? problems : [ok(`${owned.sid} supports voice calls, and its Voice URL is empty.`)];
};

/** The URL without credentials, path and query, which may be secret. */
const originOf = (url: string): string => URL.parse(url)?.origin ?? url;

const trunkFinding = ({ sid, trunkSid, voiceApplicationSid }: OwnedNumber, fix: FixFor): Finding => {
  if (trunkSid !== null) return ok(`On trunk ${trunkSid}.`);
  const instead = voiceApplicationSid === null ? '' : `, but in application ${voiceApplicationSid}`;
  return failed('no_twilio_trunk', `${sid} is not on an Elastic SIP trunk${instead}.`, fix());
};

const originationFindings = (config: Config, twilio: TwilioState, owned: OwnedNumber, fix: FixFor): Finding[] => {
  const { trunkSid } = owned;
  const { livekitSipUri: sipUri } = config;
  if (trunkSid === null) return [skipped('The number is not on a trunk.')];
  const listed = twilio.originations[trunkSid] ?? [];
  const enabled = listed.filter((one) => one.enabled);
  if (sipUri === null) return [sipUriMissing(enabled)];
  const normalized = listed.map((one) => (hostOf(one.sipUri) === hostOf(sipUri) ? { ...one, sipUri } : one));
  const isReached = normalized.some((one) => one.sipUri === sipUri && one.enabled);
  const originations = isReached ? normalized.filter((one) => one.enabled) : normalized;
  const plan = planOf(trunkSid, sipUri, originations);
  const created = plan.steps.some(({ kind }) => kind === 'create_origination');
  const disable = plan.conflicts.length > 0 ? ' --other-origination disable' : '';
  const move = owned.voiceApplicationSid === null ? '' : ' --move-numbers';
  if (created) return [sipUriWrong(trunkSid, enabled, fix(move + disable), sipUri)];
  const change = plan.steps.find((step) => step.kind === 'change_origination');
  if (change?.change.enabled === true) {
    const message = `Origination URL ${change.sid} (${sipUri}) of trunk ${trunkSid} is disabled.`;
    return [failed('origination_disabled', message, fix(move + disable))];
  }
  const rival = rivalOf(plan, originations, sipUri);
  if (rival === undefined) return [ok(`Trunk ${trunkSid} sends calls to ${sipUri}.`)];
  const message = `Trunk ${trunkSid} also sends calls to ${rival.sipUri} (${rival.sid}), at the same priority as LiveKit or a higher one.`;
  return [failed('other_origination', message, fix(`${move} --other-origination disable`))];
};

/** The part that determines where calls go: without the user, the default port and the transport. */
const hostOf = (sipUri: string): string =>
  sipUri
    .toLowerCase()
    .replace(/^sips?:([^@]*@)?/, '')
    .replace(/[;?].*$/, '')
    .replace(/:506[01]$/, '');

const sipUriMissing = (enabled: readonly Origination[]): Finding =>
  failed(
    'sip_uri_missing',
    `Cannot verify where calls go (${urisOf(enabled)}): LIVEKIT_SIP_URI is not set.`,
    "Set LIVEKIT_SIP_URI to the LiveKit project's SIP URI, such as sip:your-project.sip.livekit.cloud.",
  );

const sipUriWrong = (trunkSid: string, enabled: readonly Origination[], fix: string, sipUri: string): Finding =>
  failed('sip_uri_wrong', `Trunk ${trunkSid} sends calls to ${urisOf(enabled)}, not to ${sipUri}.`, fix);

const urisOf = (originations: readonly Origination[]): string =>
  originations.length === 0 ? 'nowhere' : originations.map(({ sipUri }) => sipUri).join(', ');

/** What `setup:twilio` would change in the origination URLs of a trunk. */
const planOf = (trunkSid: string, sipUri: string, originations: readonly Origination[]): SetupPlan =>
  planSetup(
    { tenantId: '', sipUri, trunkSid, trunkName: '', numbers: [], otherOrigination: null, moveNumbers: false },
    { trunks: [{ sid: trunkSid, name: '' }], owners: [], originations, owned: [] },
  );

/** Another URL that receives calls while ours is up. Twilio tries lower priority numbers first: a higher one is only a fallback. */
const rivalOf = (plan: SetupPlan, originations: readonly Origination[], sipUri: string): Origination | undefined => {
  const ours = originations.find((one) => one.sipUri === sipUri);
  const others = plan.conflicts.flatMap((conflict) => (conflict.kind === 'other_origination' ? [conflict.sid] : []));
  return originations.find(({ sid, priority }) => others.includes(sid) && priority <= (ours?.priority ?? 0));
};
