/** A simulated call to a campaign through the running service, which takes note of every step. */
import { setTimeout as sleep } from 'node:timers/promises';
import { findCallRecord } from '../../calls/scoped-store.ts';
import { findOpenCall, findTurnsOfRoom, type Turn } from '../../calls/store.ts';
import { findCampaign, type CampaignRecord } from '../../campaigns/scoped-store.ts';
import type { Db } from '../../database/open.ts';
import { AppError } from '../../errors.ts';
import { listNumbers, type PhoneNumber } from '../../numbers/scoped-store.ts';
import type { TenantScope } from '../../tenants/scope.ts';
import { dial, type Caller } from '../../simulators/caller/caller.ts';
import {
  requestSipInbound,
  createSipCall,
  type SipInboundResponse,
  type SipCall,
  type LivekitAccess,
} from '../../simulators/caller/sip-participant.ts';
import { checkSteps, explainFailure, failureEvent, type CheckStep, type ReportedFailure } from './advice.ts';
import { waitForFinalRecords } from '../final-records.ts';
import { loadRtc, nowMs } from '../../simulators/caller/rtc.ts';
import { createStepLog, StepFailed, type Step, type StepLog } from './step-log.ts';

/** How long each step may take, in ms. */
const limits = {
  join: 15_000,
  agent: 15_000,
  pickUp: 10_000,
  greeting: 15_000,
  speech: 60_000,
  transcript: 15_000,
  answer: 20_000,
  record: 20_000,
} as const;
/** So long a pause means that the agent has finished. */
const quietMs = 900;
const lookEveryMs = 50;

export type CheckOptions = Readonly<{
  db: Db;
  /** Where the service listens, such as http://127.0.0.1:3000, and the LiveKit that it works with. */
  url: string;
  livekit: LivekitAccess;
  /** LIVEKIT_INBOUND_TRUNK_ID, for numbers of which LiveKit's trunk isn't recorded. */
  inboundTrunkId: string | null;
  /** Which campaign; what it throws is told as the first step's failure. */
  choose: () => Promise<Readonly<{ id: string; scope: TenantScope }>>;
  /** The caller's number, and what they say. */
  from: string;
  say: string;
  /** The samples of what they say, `sampleRate` of them a second. */
  synthesize: (text: string) => Promise<Int16Array>;
  sampleRate: number;
  onStep: (step: Step<CheckStep>) => void;
}>;

export type CheckReport = Readonly<{ ok: boolean; callId: string | null; steps: readonly Step<CheckStep>[] }>;

type Log = StepLog<CheckStep>;
/** What is known so far, for who has to explain a failure. */
type Known = { scope: TenantScope | null; number: string | null; agentName: string | null; callId: string | null };
type Target = Readonly<{ campaign: CampaignRecord; number: PhoneNumber; samples: Int16Array }>;

/** Calls the campaign, and reports every step; a step that fails ends the call. Never throws for what a step finds. */
export const checkCall = async (options: CheckOptions): Promise<CheckReport> => {
  const known: Known = { scope: null, number: null, agentName: null, callId: null };
  const log = createStepLog<CheckStep>({
    onStep: options.onStep,
    explain: async (step, error) =>
      explainFailure(step, error, { ...known, url: options.url, failures: await troublesOf(options.db, known) }),
  });
  try {
    await phone(options, log, known, await findTarget(options, log, known));
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
  }
  for (const step of checkSteps) if (!log.steps.some((taken) => taken.step === step)) log.skip(step, null);
  const steps = log.steps.toSorted((one, other) => checkSteps.indexOf(one.step) - checkSteps.indexOf(other.step));
  return { ok: steps.every(({ state }) => state !== 'failed'), callId: known.callId, steps };
};

/** What the call's own record tells of. */
const troublesOf = async (db: Db, { scope, callId }: Known): Promise<ReportedFailure[]> => {
  if (scope === null || callId === null) return [];
  const events = (await findCallRecord(db, scope, callId))?.events ?? [];
  return events.flatMap(({ type, data }) => {
    const told = failureEvent.safeParse(data);
    return type === 'failure' && told.success ? [told.data] : [];
  });
};

const findTarget = async (options: CheckOptions, log: Log, known: Known): Promise<Target> => {
  const { db, say } = options;
  const { campaign, scope } = await log.run('campaign', async () => {
    const { id, scope } = await options.choose();
    const campaign = await findCampaign(db, scope, id);
    if (campaign === null) throw new AppError('not_found', `There is no campaign ${id} any more.`);
    if (campaign.status !== 'active') throw new AppError('conflict', `The campaign is ${whyNotActive(campaign)}`);
    return { value: { campaign, scope }, detail: `${campaign.name} (${campaign.id}), ${versionOf(campaign)}` };
  });
  known.scope = scope;
  const number = await log.run('number', async () => {
    const number = await findActiveNumber(db, scope, campaign);
    return { value: number, detail: number.number };
  });
  known.number = number.number;
  const samples = await log.run('line', async () => ({ value: await options.synthesize(say), detail: `“${say}”` }));
  return { campaign, number, samples };
};

const whyNotActive = ({ status, id }: CampaignRecord): string =>
  status === 'draft'
    ? `a draft, whose calls are refused: publish it (POST /api/v1/campaigns/${id}/publish).`
    : `${status}, and its calls are refused: make it active (PATCH /api/v1/campaigns/${id}, {"status":"active"}).`;

const versionOf = ({ publishedVersion }: CampaignRecord): string =>
  publishedVersion === null ? 'no published version' : `version ${publishedVersion.number}`;

const findActiveNumber = async (db: Db, scope: TenantScope, { id }: CampaignRecord): Promise<PhoneNumber> => {
  const { items } = await listNumbers(db, scope, { campaignId: id }, { limit: 100, after: null });
  const active = items.find(({ isActive }) => isActive);
  if (active !== undefined) return active;
  const [inactive] = items;
  throw new AppError(
    'not_found',
    inactive === undefined
      ? `No number has this campaign: give it to one (PATCH /api/v1/phone-numbers/ID, {"campaign_id":"${id}"}); import:twilio brings the numbers.`
      : `Its number ${inactive.number} is inactive: activate it (PATCH /api/v1/phone-numbers/${inactive.id}, {"is_active":true}).`,
  );
};

/** Everything from the dial to the final record. */
const phone = async (options: CheckOptions, log: Log, known: Known, target: Target): Promise<void> => {
  const { db, livekit, from, sampleRate } = options;
  const { number } = target;
  const trunkId = number.livekitTrunkId ?? options.inboundTrunkId;
  const facts = createSipCall({ from, to: number.number, ...(trunkId !== null && { trunkId }) });
  log.startClock();
  const answer = await log.run('routed', () => route(options, facts, known));
  const caller = await log.run('room_joined', async () => {
    const joined = await within(limits.join, dial({ ...livekit, ...facts, ...answer, sampleRate }));
    return { value: joined, detail: facts.room };
  });
  try {
    await converse(log, caller, { ...target, db, say: options.say });
  } finally {
    await finish(log, caller, db);
  }
};

/** Asks who answers, as in docs/contract.md, section 2, and finds the record that the service made of it. */
const route = async ({ db, url, livekit }: CheckOptions, facts: SipCall, known: Known) => {
  const ask = { url: `${url}/api/v1/webhooks/livekit/sip-inbound`, secret: livekit.apiSecret };
  const answer: SipInboundResponse = await requestSipInbound(ask, facts);
  const at = nowMs();
  known.agentName = answer.agentName;
  known.callId = (await findOpenCall(db, facts.room))?.id ?? null;
  if (known.callId === null)
    throw new AppError(
      'not_found',
      "The service took the call, but DATABASE_URL has no record of it: is it the service's?",
    );
  return { value: answer, at, detail: `agent ${answer.agentName}, call ${known.callId}` };
};

/** As `promise`, but not longer than that; a caller who gets in later hangs up at once. */
const within = async (limitMs: number, dialling: Promise<Caller>): Promise<Caller> => {
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => late.resolve('late'), limitMs);
  const first = await Promise.race([dialling, late.promise]).finally(() => clearTimeout(timer));
  if (first !== 'late') return first;
  dialling.then(
    (caller) => caller[Symbol.asyncDispose](),
    (error: unknown) => error, // It is said already that this took too long.
  );
  throw new AppError('local_mode', `${limitMs} ms passed before the room could be joined`);
};

type Talk = Target & Readonly<{ db: Db; say: string }>;

const converse = async (log: Log, caller: Caller, talk: Talk): Promise<void> => {
  const { campaign, samples } = talk;
  await log.run('agent_joined', () => whenAgentJoins(caller));
  await log.run('picked_up', async () => ({ value: null, at: await caller.whenActive(limits.pickUp) }));
  if (campaign.published.firstSpeaker === 'agent') await hearGreeting(log, caller, talk);
  else for (const step of ['greeting_heard', 'greeting_ended'] as const) log.skip(step, 'the caller speaks first');
  const { lastSampleAt: since } = await log.run('line_said', async () => {
    const said = await caller.say(samples);
    return { value: said, at: said.lastSampleAt, since: said.firstSampleAt };
  });
  await log.run('line_transcribed', async () => {
    const heard = await whenTranscribed(caller, talk.db);
    return {
      value: null,
      since,
      detail: isSame(heard.text, talk.say) ? `“${heard.text}”` : `understood: “${heard.text}”`,
    };
  });
  const heardAt = await log.run('answer_heard', async () => {
    const at = await caller.whenAgentSpeaks({ timeoutMs: limits.answer, since });
    return { value: at, at, since };
  });
  await log.run('answer_ended', async () => {
    const at = await whenFinished(caller);
    return { value: null, at, since: heardAt, detail: wordsOf((await turnsOf(caller, talk.db, 'agent')).at(-1)) };
  });
};

const hearGreeting = async (log: Log, caller: Caller, { db }: Talk): Promise<void> => {
  const heardAt = await log.run('greeting_heard', async () => {
    const at = await caller.whenAgentSpeaks({ timeoutMs: limits.greeting, since: caller.dialedAt });
    const lostMs = caller.audioIn.clippedMs();
    return { value: at, at, detail: lostMs === 0 ? null : `its first ${lostMs} ms were lost: the line wasn't through` };
  });
  await log.run('greeting_ended', async () => {
    const at = await caller.whenAgentQuiet({ quietMs, timeoutMs: limits.speech });
    return { value: null, at, since: heardAt, detail: wordsOf((await turnsOf(caller, db, 'agent'))[0]) };
  });
};

/** Somebody of LiveKit's kind "agent" is in the room. One who publishes nothing yet is told of up to 3 s late. */
const whenAgentJoins = async ({ room }: Caller) => {
  const { ParticipantKind } = await loadRtc();
  const agent = await until(limits.agent, 'an agent was in the room', async () => {
    if (!room.isConnected) throw new AppError('local_mode', 'The call was ended before an agent was in the room');
    return [...room.remoteParticipants.values()].find(({ info }) => info.kind === ParticipantKind.AGENT) ?? null;
  });
  return { value: null, detail: agent.identity };
};

const turnsOf = async ({ call: facts }: Caller, db: Db, role: Turn['role']): Promise<Turn[]> =>
  (await findTurnsOfRoom(db, facts.room, -1)).filter((turn) => turn.role === role);

const whenTranscribed = (caller: Caller, db: Db): Promise<Turn> =>
  until(limits.transcript, 'the record had what the caller said', async () => {
    return (await turnsOf(caller, db, 'caller')).at(-1) ?? null;
  });

/** When the agent has said its answer; one who says goodbye and hangs up has said it too. */
const whenFinished = async (caller: Caller): Promise<number> => {
  try {
    return await caller.whenAgentQuiet({ quietMs, timeoutMs: limits.speech });
  } catch (error) {
    if (caller.room.isConnected) throw error;
    return (await caller.whenEnded()).at;
  }
};

const wordsOf = (turn: Turn | undefined): string | null => (turn === undefined ? null : `“${turn.text}”`);

const wordsIn = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
const isSame = (heard: string, said: string): boolean => wordsIn(heard) === wordsIn(said);

/** Looks until there is something to see. */
const until = async <T>(limitMs: number, what: string, look: () => Promise<T | null>): Promise<T> => {
  for (const end = nowMs() + limitMs; ; await sleep(lookEveryMs)) {
    const seen = await look();
    if (seen !== null) return seen;
    if (nowMs() > end) throw new AppError('local_mode', `${limitMs} ms passed before ${what}`);
  }
};

const finish = async (log: Log, caller: Caller, db: Db): Promise<void> => {
  await log.run('hung_up', async () => {
    const detail = caller.room.isConnected ? null : 'the agent had hung up';
    return { value: await caller[Symbol.asyncDispose](), detail };
  });
  await log.run('record_final', async () => {
    const { call, lead } = await waitForFinalRecords(db, caller.call.room, limits.record);
    const { status, endReason, duration } = call;
    const what = `${status}, ${endReason ?? 'no reason'}, ${duration ?? 0} s; lead ${lead?.id ?? 'none'}`;
    if (status !== 'completed') throw new AppError('conflict', `The record says ${what}`);
    return { value: null, detail: what };
  });
};
