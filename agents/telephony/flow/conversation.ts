/** A conversation: a session with its agent, greeting, timers, commands and end. */
import type { voice } from '@livekit/agents';
import type { Log } from '#src/log.ts';
import type { CallJob } from '#src/protocol/job.ts';
import type { AgentEvent, PickupStage } from '#src/protocol/messages.ts';
import type { Command } from '../report/agent-link.ts';
import { openTasks, type Tasks } from '../report/background-tasks.ts';
import { recordTranscript } from '../report/transcript.ts';
import { createAgent, type AgentActions } from '../session/agent.ts';
import type { CachedSpeech } from '../speech/cached-speech.ts';
import { firstWords, greet } from '../speech/greeting.ts';
import { openPlayout } from '../speech/playout.ts';
import { openSay, sayTwiceIfFailed, type SayResult } from '../speech/say.ts';
import { watchNoInput } from '../turns/no-input.ts';
import { openRequestTimes } from '../turns/request-times.ts';
import type { SpeechTracker } from '../turns/speech-tracker.ts';
import type { CallEnd, CallEnding } from './call-end.ts';
import { openFailurePolicy, type FailedPart, type FailurePolicy } from './failure-policy.ts';
import { endPolitely, fallSilent, hangUp, type GoodbyeParts } from './goodbye.ts';
import { openTransfer, type Transfer } from './transfer.ts';

type ConversationOptions = {
  job: CallJob;
  /** Not yet started. */
  session: voice.AgentSession;
  /** The tracker of this session. */
  tracker: SpeechTracker;
  cachedSpeech: CachedSpeech;
  callEnd: CallEnd;
  /** Connects the session's audio. Called once the session has its agent; without it, the conversation is in text. */
  attachAudio?: () => void;
  report: (event: AgentEvent) => void;
  onStage: (stage: PickupStage) => void;
  log: Log;
};

export type Conversation = Disposable & {
  /** Starts the session, which listens to the caller from then on. */
  start: () => Promise<void>;
  /** Greets the caller and converses until the call ends. To be called when the caller can hear the agent. */
  run: (onCommand: (take: (command: Command) => void) => void) => Promise<CallEnding>;
  /** Says the announcement and ends the call. */
  announce: () => Promise<CallEnding>;
  /** Reports the rest of the transcript. */
  flush: () => Promise<void>;
};

type Parts = ConversationOptions &
  GoodbyeParts & {
    tasks: Tasks;
    transfer: Transfer;
    failurePolicy: FailurePolicy;
  };

const flushTimeoutMs = 1_000;

/** Opens a conversation. Its turns and failures are reported from now on. */
export const openConversation = (options: ConversationOptions): Conversation => {
  const { job, session, tracker, callEnd, report, attachAudio } = options;
  using opened = new DisposableStack();
  const requestTimes = openRequestTimes(tracker);
  const playout = opened.use(openPlayout());
  const reportFailure = (part: FailedPart, detail: string) => report({ kind: 'failure', part, detail });
  const say = openSay(session, playout, options.cachedSpeech);
  const tasks = openTasks(options.log, (detail) => reportFailure('session', detail));
  const transfer = openTransfer({ job, session, callEnd, say, tasks, report });
  const failurePolicy = opened.use(
    openFailurePolicy(session, { report: reportFailure, job, tracker, playout, say, callEnd, tasks, transfer }),
  );
  const transcript = opened.use(
    recordTranscript(session, {
      ...{ tracker, playout, requestTimes, firstSeq: job.firstTurnSeq },
      report: (turn) => report({ kind: 'turn', turn }),
      onReply: failurePolicy.recovered,
    }),
  );
  const parts: Parts = { ...options, say, tasks, transcript, transfer, failurePolicy };
  const agent = createAgent({ job, session, tracker, requestTimes, actions: actionsOf(parts) });
  // The session's audio needs the agent before the session starts.
  session.updateAgent(agent);
  attachAudio?.();
  playout.follow(session);
  const stack = opened.move();
  return {
    start: async () => {
      await session.start({ agent, record: false });
    },
    run: (onCommand) => converse(parts, onCommand),
    announce: () => announce(parts),
    flush: async () => {
      await tasks.settle(flushTimeoutMs);
      transcript.flush();
    },
    [Symbol.dispose]: () => stack.dispose(),
  };
};

/** What the agent's tools do. */
const actionsOf = (parts: Parts): AgentActions => ({
  hangUp: (playedOut, goodbye) => hangUp(parts, playedOut, goodbye),
  takeMessage: (message) => parts.report({ kind: 'message_taken', ...message }),
  transferTo: (playedOut, destination) => void parts.transfer.begin({ destination, cause: 'model' }, playedOut),
});

const converse = async (parts: Parts, onCommand: (take: (command: Command) => void) => void): Promise<CallEnding> => {
  const { session, callEnd, job, failurePolicy, onStage } = parts;
  using _limit = startCallLimit(parts);
  onCommand((command) => execute(parts, command));
  const result = await Promise.race([open(parts), callEnd.done.then(() => null)]);
  if (result !== null) onStage('greeted');
  failurePolicy.greetingIsOver();
  using _noInput = watchNoInput(parts.tracker, job.limits, {
    prompt: () => promptCaller(parts),
    goodbye: () => (parts.transfer.isUnderWay ? undefined : endPolitely(parts, 'silence', job.systemMessages.goodbye)),
  });
  const ending = await callEnd.done;
  await fallSilent(session);
  return ending;
};

/** Asks whether the caller is still there; null if the call is ending or being transferred. */
const promptCaller = ({ callEnd, transfer, tasks, say, job }: Parts): Promise<unknown> | null => {
  if (callEnd.begun || transfer.isUnderWay) return null;
  const said = say(job.systemMessages.noInput);
  tasks.add('no-input prompt', () => said);
  return said;
};

/** Says the disclosure, if any, and then the greeting. Null if the caller speaks first. */
const open = async ({ job, say, tracker }: Parts): Promise<SayResult | null> => {
  if (job.history.length === 0) await sayTwiceIfFailed(say, job.systemMessages.disclosure);
  const greeting = firstWords(job);
  return greeting === null ? null : greet(say, greeting, tracker.hasCallerSpoken);
};

const announce = async ({ job, callEnd, say }: Parts): Promise<CallEnding> => {
  if (callEnd.begin('announced')) {
    await sayTwiceIfFailed(say, job.systemMessages.announcement);
    callEnd.finish('announced');
  }
  return callEnd.done;
};

const execute = (parts: Parts, command: Command): void => {
  const { transfer, callEnd, tasks, say, job } = parts;
  switch (command.type) {
    case 'end': {
      const lastWords = command.reason === 'agent_error' ? job.systemMessages.farewell : '';
      return endPolitely(parts, command.reason, command.say ?? lastWords);
    }
    case 'transfer':
      transfer.begin({ destination: command.destination, cause: 'person' });
      return;
    case 'resume':
      return transfer.resume();
    case 'say':
      if (!callEnd.begun) tasks.add('say', () => say(command.text));
  }
};

const startCallLimit = (parts: Parts): Disposable => {
  const { limits, systemMessages } = parts.job;
  const timer = setTimeout(() => endPolitely(parts, 'time_limit', systemMessages.timeLimit), limits.maxCallMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
};
