/** A simulated call to a campaign through the running service, recorded step by step. */
import { setTimeout as sleep } from 'node:timers/promises';
import { findCallRecord } from '../../calls/scoped-store.ts';
import { findOpenCall, findTurnsOfRoom, type Turn } from '../../calls/store.ts';
import { findCampaign, type CampaignRecord } from '../../campaigns/scoped-store.ts';
import type { Db } from '../../database/open.ts';
import { AppError } from '../../errors.ts';
import { listNumbers, type PhoneNumber } from '../../numbers/scoped-store.ts';
import { dial, type Caller } from '../../simulators/caller/caller.ts';
import { loadRtc, nowMs } from '../../simulators/caller/rtc.ts';
import {
  createSipCall,
  requestSipInbound,
  type LivekitAccess,
  type SipCall,
} from '../../simulators/caller/sip-participant.ts';
import type { TenantScope } from '../../tenants/scope.ts';
import { waitForFinalRecords } from '../final-records.ts';
import { checkSteps, explainFailure, failureEvent, type CheckStep, type ReportedFailure } from './advice.ts';
import { createStepLog, StepFailed, type Step, type StepLog } from './step-log.ts';

/** How long each step may take, in ms. */
const limits = {
  join: 15_000,
  agent: 15_000,
  pickUp: 10_000,
  greeting: 15_000,
  speech: 60_000,
  transcript: 15_000,
  reply: 20_000,
  record: 20_000,
} as const;
/** After a pause this long the agent has finished. */
const quietMs = 900;
const pollMs = 50;

export type CheckOptions = Readonly<{
  db: Db;
  /** The service's base URL, such as http://127.0.0.1:3000, and its LiveKit server. */
  url: string;
  livekit: LivekitAccess;
  /** LIVEKIT_INBOUND_TRUNK_ID, for numbers whose trunk isn't recorded. */
  inboundTrunkId: string | null;
  /** Chooses the campaign; an error is the failure of the first step. */
  choose: () => Promise<Readonly<{ id: string; scope: TenantScope }>>;
  /** The caller's number and words. */
  from: string;
  say: string;
  /** The samples of the caller's words, at `sampleRate`. */
  synthesize: (text: string) => Promise<Int16Array>;
  sampleRate: number;
  onStep: (step: Step<CheckStep>) => void;
}>;

export type CheckReport = Readonly<{ ok: boolean; callId: string | null; steps: readonly Step<CheckStep>[] }>;

type Log = StepLog<CheckStep>;
/** What is known so far, to explain a failure. */
type Known = { scope: TenantScope | null; number: string | null; agentName: string | null; callId: string | null };
type Target = Readonly<{ campaign: CampaignRecord; number: PhoneNumber; samples: Int16Array }>;

/** Calls the campaign and reports every step; one that fails ends the call. Never throws for a failed step. */
export const checkCall = async (options: CheckOptions): Promise<CheckReport> => {
  const known: Known = { scope: null, number: null, agentName: null, callId: null };
  const log = createStepLog<CheckStep>({
    onStep: options.onStep,
    explain: async (step, error) =>
      explainFailure(step, error, { ...known, url: options.url, failures: await findFailures(options.db, known) }),
  });
  try {
    await placeCall(options, log, known, await findTarget(options, log, known));
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
  }
  for (const step of checkSteps) if (!log.steps.some((recorded) => recorded.step === step)) log.skip(step, null);
  const steps = log.steps.toSorted((one, other) => checkSteps.indexOf(one.step) - checkSteps.indexOf(other.step));
  return { ok: steps.every(({ state }) => state !== 'failed'), callId: known.callId, steps };
};

/** The failures in the call's record. */
const findFailures = async (db: Db, { scope, callId }: Known): Promise<ReportedFailure[]> => {
  if (scope === null || callId === null) return [];
  const events = (await findCallRecord(db, scope, callId))?.events ?? [];
  return events.flatMap(({ type, data }) => {
    const parsed = failureEvent.safeParse(data);
    return type === 'failure' && parsed.success ? [parsed.data] : [];
  });
};

const findTarget = async (options: CheckOptions, log: Log, known: Known): Promise<Target> => {
  const { db, say } = options;
  const { campaign, scope } = await log.run('campaign', async () => {
    const { id, scope } = await options.choose();
    const campaign = await findCampaign(db, scope, id);
    if (campaign === null) throw new AppError('not_found', `The campaign ${id} no longer exists.`);
    if (campaign.status !== 'active') throw new AppError('conflict', `The campaign is ${describeInactive(campaign)}`);
    return { value: { campaign, scope }, detail: `${campaign.name} (${campaign.id}), ${versionOf(campaign)}` };
  });
  known.scope = scope;
  const number = await log.run('number', async () => {
    const number = await findActiveNumber(db, scope, campaign);
    return { value: number, detail: number.number };
  });
  known.number = number.number;
  const samples = await log.run('caller_speech', async () => ({
    value: await options.synthesize(say),
    detail: `“${say}”`,
  }));
  return { campaign, number, samples };
};

const describeInactive = ({ status, id }: CampaignRecord): string =>
  status === 'draft'
    ? `a draft, so its calls are rejected: publish it (POST /api/v1/campaigns/${id}/publish).`
    : `${status}, so its calls are rejected: activate it (PATCH /api/v1/campaigns/${id} {"status":"active"}).`;

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
      ? `The campaign has no number: assign one (PATCH /api/v1/phone-numbers/ID {"campaign_id":"${id}"}); import:twilio imports your numbers.`
      : `Its number ${inactive.number} is inactive: activate it (PATCH /api/v1/phone-numbers/${inactive.id} {"is_active":true}).`,
  );
};

/** Everything from dialing to the final record. */
const placeCall = async (options: CheckOptions, log: Log, known: Known, target: Target): Promise<void> => {
  const { db, livekit, from, sampleRate } = options;
  const { number } = target;
  const trunkId = number.livekitTrunkId ?? options.inboundTrunkId;
  const call = createSipCall({ from, to: number.number, ...(trunkId !== null && { trunkId }) });
  log.startClock();
  const response = await log.run('routed', () => route(options, call, known));
  const caller = await log.run('room_joined', async () => {
    const joined = await within(limits.join, dial({ ...livekit, ...call, ...response, sampleRate }));
    return { value: joined, detail: call.room };
  });
  try {
    await converse(log, caller, { ...target, db, say: options.say });
  } finally {
    await finish(log, caller, db);
  }
};

/** Asks the service for an agent (docs/contract.md, section 2), and finds the call record it created. */
const route = async ({ db, url, livekit }: CheckOptions, call: SipCall, known: Known) => {
  const endpoint = { url: `${url}/api/v1/webhooks/livekit/sip-inbound`, secret: livekit.apiSecret };
  const response = await requestSipInbound(endpoint, call);
  const at = nowMs();
  known.agentName = response.agentName;
  known.callId = (await findOpenCall(db, call.room))?.id ?? null;
  if (known.callId === null)
    throw new AppError(
      'not_found',
      "The service accepted the call, but this command's DATABASE_URL has no record of it: check that it is the service's database.",
    );
  return { value: response, at, detail: `agent ${response.agentName}, call ${known.callId}` };
};

/** Limits the time to dial; a caller who joins later hangs up at once. */
const within = async (limitMs: number, dialing: Promise<Caller>): Promise<Caller> => {
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => late.resolve('late'), limitMs);
  const first = await Promise.race([dialing, late.promise]).finally(() => clearTimeout(timer));
  if (first !== 'late') return first;
  dialing.then(
    (caller) => caller[Symbol.asyncDispose](),
    (error: unknown) => error, // The timeout is already reported.
  );
  throw new AppError('local_mode', `Timed out after ${limitMs} ms waiting to join the room.`);
};

type Conversation = Target & Readonly<{ db: Db; say: string }>;

const converse = async (log: Log, caller: Caller, conversation: Conversation): Promise<void> => {
  const { campaign, samples } = conversation;
  await log.run('agent_joined', () => whenAgentJoins(caller));
  await log.run('picked_up', async () => ({ value: null, at: await caller.whenActive(limits.pickUp) }));
  if (campaign.published.firstSpeaker === 'agent') await hearGreeting(log, caller, conversation);
  else for (const step of ['greeting_heard', 'greeting_ended'] as const) log.skip(step, 'the caller speaks first');
  const { lastSampleAt: since } = await log.run('caller_spoke', async () => {
    const played = await caller.say(samples);
    return { value: played, at: played.lastSampleAt, since: played.firstSampleAt };
  });
  await log.run('transcribed', async () => {
    const heard = await whenTranscribed(caller, conversation.db);
    return {
      value: null,
      since,
      detail: isSame(heard.text, conversation.say) ? `“${heard.text}”` : `understood: “${heard.text}”`,
    };
  });
  const heardAt = await log.run('reply_heard', async () => {
    const at = await caller.whenAgentSpeaks({ timeoutMs: limits.reply, since });
    return { value: at, at, since };
  });
  await log.run('reply_ended', async () => {
    const at = await whenFinished(caller);
    const turns = await turnsOf(caller, conversation.db, 'agent');
    return { value: null, at, since: heardAt, detail: quote(turns.at(-1)) };
  });
};

const hearGreeting = async (log: Log, caller: Caller, { db }: Conversation): Promise<void> => {
  const heardAt = await log.run('greeting_heard', async () => {
    const at = await caller.whenAgentSpeaks({ timeoutMs: limits.greeting, since: caller.dialedAt });
    const lostMs = caller.audioIn.clippedMs();
    const lost = `its first ${lostMs} ms were lost: the call was not connected yet`;
    return { value: at, at, detail: lostMs === 0 ? null : lost };
  });
  await log.run('greeting_ended', async () => {
    const at = await caller.whenAgentQuiet({ quietMs, timeoutMs: limits.speech });
    return { value: null, at, since: heardAt, detail: quote((await turnsOf(caller, db, 'agent'))[0]) };
  });
};

/** Waits for a participant of LiveKit's kind "agent". LiveKit announces one without tracks up to 3 s late. */
const whenAgentJoins = async ({ room }: Caller) => {
  const { ParticipantKind } = await loadRtc();
  const agent = await until(limits.agent, 'an agent to join', async () => {
    if (!room.isConnected) throw new AppError('local_mode', 'The call ended before an agent joined');
    return [...room.remoteParticipants.values()].find(({ info }) => info.kind === ParticipantKind.AGENT) ?? null;
  });
  return { value: null, detail: agent.identity };
};

const turnsOf = async ({ call }: Caller, db: Db, role: Turn['role']): Promise<Turn[]> =>
  (await findTurnsOfRoom(db, call.room, -1)).filter((turn) => turn.role === role);

const whenTranscribed = (caller: Caller, db: Db): Promise<Turn> =>
  until(limits.transcript, "the transcript of the caller's words", async () => {
    return (await turnsOf(caller, db, 'caller')).at(-1) ?? null;
  });

/** When the agent has finished its reply, which may end with its hanging up. */
const whenFinished = async (caller: Caller): Promise<number> => {
  try {
    return await caller.whenAgentQuiet({ quietMs, timeoutMs: limits.speech });
  } catch (error) {
    if (caller.room.isConnected) throw error;
    return (await caller.whenEnded()).at;
  }
};

const quote = (turn: Turn | undefined): string | null => (turn === undefined ? null : `“${turn.text}”`);

const normalize = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
const isSame = (heard: string, said: string): boolean => normalize(heard) === normalize(said);

/** Polls `probe` until it returns a value. @throws AppError when the time runs out */
const until = async <T>(limitMs: number, what: string, probe: () => Promise<T | null>): Promise<T> => {
  for (const end = nowMs() + limitMs; ; await sleep(pollMs)) {
    const value = await probe();
    if (value !== null) return value;
    if (nowMs() > end) throw new AppError('local_mode', `Timed out after ${limitMs} ms waiting for ${what}`);
  }
};

const finish = async (log: Log, caller: Caller, db: Db): Promise<void> => {
  await log.run('hung_up', async () => {
    const detail = caller.room.isConnected ? null : 'the agent had already hung up';
    return { value: await caller[Symbol.asyncDispose](), detail };
  });
  await log.run('record_final', async () => {
    const { call, lead } = await waitForFinalRecords(db, caller.call.room, limits.record);
    const { status, endReason, duration } = call;
    const what = `${status}, ${endReason ?? 'no end reason'}, ${duration ?? 0} s; lead ${lead?.id ?? 'none'}`;
    if (status !== 'completed') throw new AppError('conflict', `The call's record is ${what}`);
    return { value: null, detail: what };
  });
};
