/** One call, from being in the room to having told its end. */
import { voice, type JobContext, type VAD } from '@livekit/agents';
import type { RemoteParticipant } from '@livekit/rtc-node';
import type { CallJob } from '#src/protocol/job.ts';
import { describeError } from '#src/errors.ts';
import { jobTimes, type AgentEvent, type PickupStage } from '#src/protocol/messages.ts';
import type { Log } from '#src/log.ts';
import { makeAgent } from './session/agent.ts';
import { describeCaller, waitForActive, waitForCaller, waitForListener, watchRoom } from './room/caller-presence.ts';
import { openConversation, type Conversation } from './flow/conversation.ts';
import { keepCompany } from './room/hold-message.ts';
import { openEnder, type Ender, type Ending } from './flow/call-end.ts';
import type { Link } from './report/agent-link.ts';
import { openMarks } from './report/stages.ts';
import { openPrepared } from './speech/cached-speech.ts';
import { warmConnection } from './warm-up/connections.ts';
import { openAnnouncement, openSession, openVad } from './session/session.ts';
import { atMost } from './report/background-tasks.ts';

export type Warm = { link: Link; log: Log; vad: VAD };

const callerTimeoutMs = 30_000;
/** A job that has waited so long for its call process … */
const lateMs = 5_000;
/** … finds its caller in the room, or they have hung up. */
const lateTimeoutMs = 1_000;
const claimTimeoutMs = 10_000;
const closeTimeoutMs = 3_000;
const farewellTimeoutMs = 5_000;

type Call = { ctx: JobContext; link: Link; log: Log; job: CallJob; ender: Ender; mark: (stage: PickupStage) => void };

const isLate = ({ info }: JobContext): boolean => {
  const { data: times } = jobTimes.safeParse(info.acceptArguments.attributes);
  return times !== undefined && Date.now() - times.offeredAt > lateMs;
};

/**
 * Takes the call of the job's room. Never rejects; at its end the job is shut down. `startedAt` is when the job began, by
 * `performance.now()`.
 */
export const takeCall = async (ctx: JobContext, warm: Warm, startedAt: number): Promise<void> => {
  const { link, log } = warm;
  const { mark, tellThem } = openMarks(ctx, link, startedAt);
  mark('connected');
  link.lost.addEventListener('abort', () => leaveAtOnce(ctx, log));
  // Model and voice are asked over them; ready long before the caller has heard the greeting.
  const { openai, deepgram } = link.welcome.providers;
  const connections = [openai.baseUrl, deepgram.baseUrl.replace(/^ws/, 'http')].map(warmConnection);
  try {
    const caller = await waitForCaller(ctx.room, isLate(ctx) ? lateTimeoutMs : callerTimeoutMs);
    if (caller === null) return log.warn({ jobId: ctx.job.id, pii: { room: ctx.job.room?.name } }, 'nobody came');
    mark('callerFound');
    const claim = claimOf(ctx, caller);
    mark('claimSent');
    const first = await link.claim(claim, claimTimeoutMs);
    const verdict = first.kind === 'wait' ? await keepCompany(ctx.room, caller, first, warm) : first;
    mark('jobReceived');
    if (verdict === null) return log.info('the caller left before their call could be had');
    if (verdict.kind === 'leave') return log.info({ reason: verdict.reason }, 'left the room');
    tellThem();
    const callLog = log.child({ callId: verdict.job.callId });
    const ender = openEnder();
    await hold({ ctx, link, log: callLog, job: verdict.job, ender, mark }, caller, warm.vad);
  } catch (error) {
    log.error({ err: error }, 'call failed');
    link.tell({ kind: 'failure', part: 'session', detail: describeError(error).slice(0, 200) });
  } finally {
    await Promise.all(connections);
    ctx.shutdown('the call is over');
  }
};

/** The service is gone: out of the room first, so that another agent can take the caller over; then all the rest. */
const leaveAtOnce = (ctx: JobContext, log: Log): void => {
  ctx.room
    .disconnect()
    .catch((error: unknown) => log.error({ err: error }, 'leaving failed'))
    .finally(() => ctx.shutdown('the service is gone'));
};

const claimOf = (ctx: JobContext, caller: RemoteParticipant) => ({
  jobId: ctx.job.id,
  room: ctx.room.name ?? ctx.job.room?.name ?? '',
  roomSid: ctx.job.room?.sid ?? '',
  agentIdentity: ctx.room.localParticipant?.identity ?? '',
  metadata: ctx.job.metadata,
  caller: describeCaller(caller),
});

/** Holds the call and tells its end, whatever happens. */
const hold = async (call: Call, caller: RemoteParticipant, bundledVad: VAD): Promise<void> => {
  const { ctx, link, ender } = call;
  using _watch = watchRoom(ctx.room, caller.identity, ender.finish);
  try {
    await speakWith(call, caller, bundledVad);
  } catch (error) {
    call.log.error({ err: error }, 'conversation failed');
    link.tell({ kind: 'failure', part: 'session', detail: describeError(error).slice(0, 200) });
    ender.finish('agent_error');
  }
  link.tell({ kind: 'ended', ...(await ender.done) });
  await atMost(farewellTimeoutMs, link.farewell);
};

const speakWith = async (call: Call, caller: RemoteParticipant, bundledVad: VAD): Promise<void> => {
  const { ctx, link, job, ender, mark, log } = call;
  const prepared = openPrepared(job.cachedSpeech, (detail) => link.tell({ kind: 'failure', part: 'tts', detail }));
  const session =
    job.purpose === 'announce'
      ? openAnnouncement(job, link.welcome.providers, prepared)
      : openSession(job, link.welcome.providers, { vad: await openVad(job.vad, bundledVad), prepared });
  const agent = makeAgent(job, {
    hangUp: (saidWords, goodbye) => conversation.actions.hangUp(saidWords, goodbye),
    takeMessage: (message) => conversation.actions.takeMessage(message),
    transferTo: (saidWords, destination) => conversation.actions.transferTo(saidWords, destination),
  });
  agent.watch(session);
  session.updateAgent(agent); // not started yet: it is only noted, and the room's audio asks for it
  const audio = openAudio(session, ctx, caller.identity);
  using conversation = openConversation({ job, session, prepared, ender, tell: link.tell, mark, log });
  session.once(voice.AgentSessionEventTypes.Close, ({ error }) =>
    ender.finish(error === null ? 'ended_by_service' : 'agent_error'),
  );
  try {
    await answer(call, caller, session, agent, conversation);
  } finally {
    await atMost(
      closeTimeoutMs,
      session.close().then(() => audio.close()),
    );
    await conversation.flush();
  }
};

/**
 * Publishing our voice is what answers a phone call, so the session starts before the caller can hear anything; nothing is
 * said before they can.
 */
const answer = async (
  { ctx, link, job, ender, mark }: Call,
  caller: RemoteParticipant,
  session: voice.AgentSession,
  agent: voice.Agent,
  conversation: Conversation,
): Promise<Ending> => {
  const listening = waitForListener(ctx.room, job.limits.activeTimeoutMs);
  await session.start({ agent, record: false });
  mark('sessionStarted');
  const active = Promise.all([listening, waitForActive(ctx.room, caller, job.limits.activeTimeoutMs)]);
  const hears = await Promise.race([active.then((known) => known.every(Boolean)), ender.done.then(() => false)]);
  if (ender.begun) return ender.done;
  mark(hears ? 'active' : 'activeTimedOut');
  const answered: AgentEvent = { kind: 'answered', at: Date.now() };
  link.tell(answered);
  return job.purpose === 'announce' ? conversation.announce() : conversation.hold(link.onCommand);
};

/**
 * The session's ears and mouth in the room. Set up here, not by `session.start({ room })`, which would also open a remote
 * control of the session to everybody in the room.
 */
const openAudio = (session: voice.AgentSession, ctx: JobContext, callerIdentity: string): voice.RoomIO => {
  const converses = session.stt !== undefined;
  const audio = new voice.RoomIO({
    agentSession: session,
    room: ctx.room,
    participant: callerIdentity,
    inputOptions: {
      audioEnabled: converses,
      textEnabled: false,
      closeOnDisconnect: false,
      audioSampleRate: 16_000,
    },
  });
  audio.start();
  return audio;
};
