/** What Twilio does with the calls of a number. */
import type { Config } from '../config.ts';
import type { OwnedNumber } from '../numbers/owned-number.ts';
import type { Origination } from '../twilio/client.ts';
import { planSetup, type SetupPlan } from '../twilio/setup-plan.ts';
import { findingOf, ok, skipped, wrong, type Finding, type LinkName } from './check.ts';
import type { Seen, TwilioSeen } from './probe-results.ts';

/** The account's own link. */
export const accountFinding = ({ twilio }: Seen): Finding =>
  twilio.kind === 'seen' ? ok(`The account ${twilio.value.accountSid} answers.`) : (findingOf(twilio) ?? ok(''));

type Found = readonly (readonly [LinkName, Finding])[];

/** The links of a number: the number itself, its trunk, and where that sends the calls. */
export const twilioFindings = (config: Config, seen: Seen, number: string): Found => {
  const skipAll = (why: string): Found =>
    (['twilio_number', 'twilio_trunk', 'origination'] as const).map((link) => [link, skipped(why)]);
  if (seen.twilio.kind !== 'seen') return skipAll('Twilio could not be asked.');
  const owned = seen.twilio.value.owned.find((one) => one.number === number);
  if (owned === undefined)
    return [
      ['twilio_number', notInAccount(seen.twilio.value)],
      ...skipAll('The number is not in the account.').slice(1),
    ];
  const fix = mendOf(seen, owned);
  return [
    ...numberFindings(owned, fix).map((finding) => ['twilio_number', finding] as const),
    ['twilio_trunk', trunkFinding(owned, fix)],
    ...originationFindings(config, seen.twilio.value, owned, fix).map((finding) => ['origination', finding] as const),
  ];
};

const notInAccount = ({ accountSid }: TwilioSeen): Finding =>
  wrong(
    'number_not_in_account',
    `Twilio's account ${accountSid} doesn't have the number.`,
    "put the account that has it into TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or set the number's record inactive",
  );

/** `setup:twilio` for this number, on the trunk that it has; where it has none, for all of its tenant. */
const mendOf = (seen: Seen, { number, trunkSid, voiceApplicationSid }: OwnedNumber) => {
  const database = seen.database.kind === 'seen' ? seen.database.value : null;
  const tenant = database?.numbers.find((one) => one.number === number)?.record?.facts.tenant;
  const scope = database?.hasSeveralTenants === true && tenant !== undefined ? ` --tenant ${tenant.id}` : '';
  const isApart = trunkSid !== null || voiceApplicationSid !== null;
  const which = `${trunkSid === null ? '' : ` --trunk ${trunkSid}`}${isApart ? ` --number ${number}` : ''}`;
  return (flags = voiceApplicationSid === null ? '' : ' --move-numbers'): string =>
    `npm run cli -- setup:twilio${scope}${which}${flags} --yes`;
};
type Mend = ReturnType<typeof mendOf>;

const numberFindings = (owned: OwnedNumber, mend: Mend): Finding[] => {
  const problems: Finding[] = [
    ...(owned.capabilities.voice
      ? []
      : [wrong('number_without_voice', `${owned.sid} cannot take calls.`, 'buy a number that can')]),
    ...(owned.voiceUrl === ''
      ? []
      : [wrong('voice_url_set', `Its Voice URL is set: ${originOf(owned.voiceUrl)}.`, mend())]),
  ];
  return problems.length > 0 ? problems : [ok(`${owned.sid}, without a Voice URL.`)];
};

/** An address without what may be secret in it. */
const originOf = (url: string): string => URL.parse(url)?.origin ?? url;

const trunkFinding = ({ sid, trunkSid, voiceApplicationSid }: OwnedNumber, mend: Mend): Finding => {
  if (trunkSid !== null) return ok(`Its calls go to the trunk ${trunkSid}.`);
  const instead = voiceApplicationSid === null ? '' : `: its calls go to the application ${voiceApplicationSid}`;
  return wrong('no_twilio_trunk', `${sid} is on no Elastic SIP trunk${instead}.`, mend());
};

const originationFindings = (config: Config, seen: TwilioSeen, owned: OwnedNumber, mend: Mend): Finding[] => {
  const { trunkSid } = owned;
  const { livekitSipUri: sipUri } = config;
  if (trunkSid === null) return [skipped('The number has to be on a trunk first.')];
  const listed = seen.originations[trunkSid] ?? [];
  const enabled = listed.filter((one) => one.enabled);
  if (sipUri === null) return [sipUriMissing(enabled)];
  const spelled = listed.map((one) => (hostOf(one.sipUri) === hostOf(sipUri) ? { ...one, sipUri } : one));
  const isReached = spelled.some((one) => one.sipUri === sipUri && one.enabled);
  const originations = isReached ? spelled.filter((one) => one.enabled) : spelled;
  const plan = planOf(trunkSid, sipUri, originations);
  const created = plan.steps.some(({ kind }) => kind === 'create_origination');
  const disable = plan.conflicts.length > 0 ? ' --other-origination disable' : '';
  const move = owned.voiceApplicationSid === null ? '' : ' --move-numbers';
  if (created) return [sipUriWrong(trunkSid, enabled, mend(move + disable), sipUri)];
  const change = plan.steps.find((step) => step.kind === 'change_origination');
  if (change?.change.enabled === true) {
    const message = `The origination URL ${change.sid} (${sipUri}) of ${trunkSid} is disabled.`;
    return [wrong('origination_disabled', message, mend(move + disable))];
  }
  const rival = rivalOf(plan, originations, sipUri);
  if (rival === undefined) return [ok(`${trunkSid} sends them to ${sipUri}.`)];
  const message = `${trunkSid} sends calls to ${rival.sipUri} (${rival.sid}) as well, which is asked before LiveKit or shares the calls with it.`;
  return [wrong('other_origination', message, mend(`${move} --other-origination disable`))];
};

/** What decides where calls go: not the user, the usual port, or the transport. */
const hostOf = (sipUri: string): string =>
  sipUri
    .toLowerCase()
    .replace(/^sips?:([^@]*@)?/, '')
    .replace(/[;?].*$/, '')
    .replace(/:506[01]$/, '');

const sipUriMissing = (enabled: readonly Origination[]): Finding =>
  wrong(
    'sip_uri_missing',
    `LIVEKIT_SIP_URI is not set, so nobody knows whether the calls go to the right place (${urisOf(enabled)}).`,
    "set LIVEKIT_SIP_URI to the LiveKit project's SIP URI, such as sip:your-project.sip.livekit.cloud",
  );

const sipUriWrong = (trunkSid: string, enabled: readonly Origination[], mend: string, sipUri: string): Finding =>
  wrong('sip_uri_wrong', `${trunkSid} sends the calls to ${urisOf(enabled)}, not to ${sipUri}.`, mend);

const urisOf = (originations: readonly Origination[]): string =>
  originations.length === 0 ? 'nowhere' : originations.map(({ sipUri }) => sipUri).join(', ');

/** What `setup:twilio` would do to the originations of a trunk. */
const planOf = (trunkSid: string, sipUri: string, originations: readonly Origination[]): SetupPlan =>
  planSetup(
    { tenantId: '', sipUri, trunkSid, trunkName: '', numbers: [], otherOrigination: null, moveNumbers: false },
    { trunks: [{ sid: trunkSid, name: '' }], owners: [], originations, owned: [] },
  );

/** Another address that gets calls although ours could; one of a higher number is only asked when ours fails. */
const rivalOf = (plan: SetupPlan, originations: readonly Origination[], sipUri: string): Origination | undefined => {
  const ours = originations.find((one) => one.sipUri === sipUri);
  const others = plan.conflicts.flatMap((conflict) => (conflict.kind === 'other_origination' ? [conflict.sid] : []));
  return originations.find(({ sid, priority }) => others.includes(sid) && priority <= (ours?.priority ?? 0));
};
