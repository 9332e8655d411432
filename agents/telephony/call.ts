/** One call, from joining the room until its end has been reported. */
import { voice, type JobContext, type VAD } from '@livekit/agents';
import type { RemoteParticipant } from '@livekit/rtc-node';
import { describeError } from '#src/errors.ts';
import type { Log } from '#src/log.ts';
import type { CallJob } from '#src/protocol/job.ts';
import { jobTimes } from '#src/protocol/messages.ts';
import { atMost } from '#src/time-limit.ts';
import { openCallEnd, type CallEnd, type CallEnding } from './flow/call-end.ts';
import { openConversation, type Conversation } from './flow/conversation.ts';
import type { AgentLink } from './report/agent-link.ts';
import { openStages, type Stages } from './report/stages.ts';
import { describeCaller, waitForActive, waitForCaller, waitForListener, watchRoom } from './room/caller-presence.ts';
import { playHoldMessage } from './room/hold-message.ts';
import { openAnnouncement, openSession, openVad } from './session/session.ts';
import { openCachedSpeech } from './speech/cached-speech.ts';
import { warmConnection } from './warm-up/connections.ts';

export type Warm = { link: AgentLink; log: Log; vad: VAD };

const callerTimeoutMs = 30_000;
/** If a job has waited this long for its call host, its caller is either in the room already or has hung up. */
const lateMs = 5_000;
const lateTimeoutMs = 1_000;
const claimTimeoutMs = 10_000;
const closeTimeoutMs = 3_000;
const doneTimeoutMs = 5_000;

type Call = {
  ctx: JobContext;
  link: AgentLink;
  log: Log;
  job: CallJob;
  callEnd: CallEnd;
  stages: Stages;
};

const isLate = ({ info }: JobContext): boolean => {
  const { data: times } = jobTimes.safeParse(info.acceptArguments.attributes);
  return times !== undefined && Date.now() - times.offeredAt > lateMs;
};

const reportFailure = (link: AgentLink, error: unknown): void =>
  link.report({ kind: 'failure', part: 'session', detail: describeError(error).slice(0, 200) });

/**
 * Runs the call in the job's room, then shuts the job down. Never rejects.
 * @param startedAt when the job began, on the clock of `performance.now()`
 */
export const takeCall = async (ctx: JobContext, warm: Warm, startedAt: number): Promise<void> => {
  const { link, log } = warm;
  const stages = openStages(ctx, link, startedAt);
  stages.reach('connected');
  link.lost.addEventListener('abort', () => leaveAtOnce(ctx, log));
  // The LLM and TTS requests reuse these connections, which are open long before the greeting is over.
  const { openai, deepgram } = link.init.providers;
  const connections = [openai.baseUrl, deepgram.baseUrl.replace(/^ws/, 'http')].map(warmConnection);
  try {
    const caller = await waitForCaller(ctx.room, isLate(ctx) ? lateTimeoutMs : callerTimeoutMs);
    if (caller === null) return log.warn({ jobId: ctx.job.id, pii: { room: ctx.job.room?.name } }, 'no caller joined');
    stages.reach('callerFound');
    const claim = claimOf(ctx, caller);
    stages.reach('claimSent');
    const first = await link.claim(claim, claimTimeoutMs);
    const result = first.kind === 'wait' ? await playHoldMessage(ctx.room, caller, first, warm) : first;
    stages.reach('jobReceived');
    if (result === null) return log.info('the caller left before their call could be claimed');
    if (result.kind === 'leave') return log.info({ reason: result.reason }, 'left the room');
    stages.reportAll();
    const { job } = result;
    const call = { ctx, link, log: log.child({ callId: job.callId }), job, callEnd: openCallEnd(), stages };
    await runCall(call, caller, warm.vad);
  } catch (error) {
    log.error({ err: error }, 'call failed');
    reportFailure(link, error);
  } finally {
    await Promise.all(connections);
    ctx.shutdown('the call is over');
  }
};

/** Called when the service is gone. The agent leaves the room first, so that another agent can take over the caller. */
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

/** Runs the conversation and always reports its end. */
const runCall = async (call: Call, caller: RemoteParticipant, bundledVad: VAD): Promise<void> => {
  const { ctx, link, callEnd } = call;
  using _watch = watchRoom(ctx.room, caller.identity, callEnd.finish);
  try {
    await converse(call, caller, bundledVad);
  } catch (error) {
    call.log.error({ err: error }, 'conversation failed');
    reportFailure(link, error);
    callEnd.finish('agent_error');
  }
  link.report({ kind: 'ended', ...(await callEnd.done) });
  await atMost(doneTimeoutMs, link.done);
};

const converse = async (call: Call, caller: RemoteParticipant, bundledVad: VAD): Promise<void> => {
  const { ctx, link, job, callEnd, stages, log } = call;
  const { providers } = link.init;
  const cachedSpeech = openCachedSpeech(job.cachedSpeech, (detail) =>
    link.report({ kind: 'failure', part: 'tts', detail }),
  );
  const { session, tracker } =
    job.purpose === 'announce'
      ? openAnnouncement(job, providers, cachedSpeech)
      : openSession(job, providers, { vad: await openVad(job.vad, bundledVad), cachedSpeech });
  using _tracker = tracker;
  const audio = openAudio(session, ctx, caller.identity);
  using conversation = openConversation({
    ...{ job, session, tracker, cachedSpeech, callEnd, log },
    attachAudio: () => audio.start(),
    report: link.report,
    onStage: stages.reach,
  });
  session.once(voice.AgentSessionEventTypes.Close, ({ error }) =>
    callEnd.finish(error === null ? 'ended_by_service' : 'agent_error'),
  );
  try {
    await answer(call, caller, conversation);
  } finally {
    await atMost(
      closeTimeoutMs,
      session.close().then(() => audio.close()),
    );
    await conversation.flush();
  }
};

/**
 * Publishing the agent's audio track is what answers a phone call. So the session starts before the caller can hear anything, and
 * nothing is said until they can.
 */
const answer = async (
  { ctx, link, job, callEnd, stages }: Call,
  caller: RemoteParticipant,
  conversation: Conversation,
): Promise<CallEnding> => {
  const listening = waitForListener(ctx.room, job.limits.activeTimeoutMs);
  await conversation.start();
  stages.reach('sessionStarted');
  const active = Promise.all([listening, waitForActive(ctx.room, caller, job.limits.activeTimeoutMs)]);
  const isActive = await Promise.race([active.then((all) => all.every(Boolean)), callEnd.done.then(() => false)]);
  if (callEnd.begun) return callEnd.done;
  stages.reach(isActive ? 'active' : 'activeTimedOut');
  link.report({ kind: 'answered', at: Date.now() });
  return job.purpose === 'announce' ? conversation.announce() : conversation.run(link.onCommand);
};

/**
 * Connects the session's audio to the room. `session.start({ room })` would do so too, but would also let every participant control the
 * session remotely.
 */
const openAudio = (session: voice.AgentSession, ctx: JobContext, callerIdentity: string): voice.RoomIO =>
  new voice.RoomIO({
    agentSession: session,
    room: ctx.room,
    participant: callerIdentity,
    inputOptions: {
      audioEnabled: session.stt !== undefined,
      textEnabled: false,
      closeOnDisconnect: false,
      audioSampleRate: 16_000,
    },
  });
