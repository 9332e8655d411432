/** What to do when a provider fails or understands nothing: report it, and never leave the caller in silence. */
import { APIStatusError, voice } from '@livekit/agents';
import { keepSessionOpen } from '#src/framework/session.ts';
import type { CallJob } from '#src/protocol/job.ts';
import type { AgentEvent } from '#src/protocol/messages.ts';
import type { Tasks } from '../report/background-tasks.ts';
import type { Playout } from '../speech/playout.ts';
import { sayTwiceIfFailed, type Say } from '../speech/say.ts';
import { watchNoMatch } from '../turns/no-match.ts';
import type { SpeechTracker } from '../turns/speech-tracker.ts';
import type { CallEnd } from './call-end.ts';
import type { Transfer } from './transfer.ts';

export type FailedPart = Extract<AgentEvent, { kind: 'failure' }>['part'];

export type FailurePolicy = Disposable & {
  /** The greeting repeats itself when it fails: until it is over, failures are only reported. */
  greetingIsOver: () => void;
  /** The agent answered: whatever failed before works again. */
  recovered: () => void;
};

type FailurePolicyOptions = {
  report: (part: FailedPart, detail: string) => void;
  job: Pick<CallJob, 'systemMessages' | 'fallback'>;
  tracker: SpeechTracker;
  playout: Playout;
  say: Say;
  callEnd: CallEnd;
  tasks: Tasks;
  transfer: Transfer;
};

/** This many failed answers in a row end the conversation … */
const maxFailures = 2;
/** … and this many times in a row that the caller spoke and no word was understood. */
const maxNoMatches = 3;

/** Opens the policy of a session's providers. */
export const openFailurePolicy = (session: voice.AgentSession, options: FailurePolicyOptions): FailurePolicy => {
  const { report, tracker, playout } = options;
  const state = { failures: 0, isGreeting: true };
  const onError = ({ error }: voice.ErrorEvent) => {
    if (error === null || !('type' in error) || error.recoverable) return;
    const part = partOf(error.type);
    report(part, describeFailure(error));
    if (part === 'tts') playout.noteFailure();
    if (error.type === 'stt_error') {
      keepSessionOpen(error);
      return giveUp(options);
    }
    // The model starts before the caller's turn is over: an apology before that would be cut off again.
    whenOver(tracker.latest(), () => {
      state.failures += 1;
      if (!state.isGreeting) react(state.failures >= maxFailures, options);
    });
  };
  session.on(voice.AgentSessionEventTypes.Error, onError);
  const noMatch = watchNoMatch(tracker, (times) => {
    report('stt', 'the caller spoke, and no word was understood');
    react(times >= maxNoMatches, options);
  });
  return {
    greetingIsOver: () => {
      state.isGreeting = false;
      if (state.failures >= maxFailures) giveUp(options);
    },
    recovered: () => {
      state.failures = 0;
    },
    [Symbol.dispose]: () => {
      session.off(voice.AgentSessionEventTypes.Error, onError);
      noMatch[Symbol.dispose]();
    },
  };
};

/** Calls `then` when the speech is over, unless it was cut off: the caller went on, and gets another answer. */
const whenOver = (speech: voice.SpeechHandle | null, then: () => void): void => {
  if (speech === null) return then();
  speech.addDoneCallback(() => (speech.interrupted ? undefined : then()));
};

const react = (isHopeless: boolean, options: FailurePolicyOptions): void => {
  if (options.callEnd.begun || options.transfer.isUnderWay) return;
  if (isHopeless) giveUp(options);
  else options.tasks.add('apology', () => options.say(options.job.systemMessages.apology));
};

/** The conversation can't go on: the caller is transferred to the campaign's fallback destination, or told so before the call ends. */
const giveUp = ({ callEnd, tasks, say, job, transfer }: FailurePolicyOptions): void => {
  if (transfer.isUnderWay) return;
  if (job.fallback !== null && transfer.begin({ destination: job.fallback, cause: 'fallback' })) return;
  if (!callEnd.begin('agent_error')) return;
  tasks.add('farewell', async () => {
    await sayTwiceIfFailed(say, job.systemMessages.farewell);
    callEnd.finish('agent_error');
  });
};

const partOf = (type: string): FailedPart => {
  if (type === 'stt_error') return 'stt';
  if (type === 'tts_error') return 'tts';
  return type === 'llm_error' ? 'llm' : 'session';
};

/** One line for a person: which failure, not the provider's whole answer, which may contain what was said. */
const describeFailure = (failure: object): string => {
  const error = 'error' in failure ? failure.error : failure;
  if (error instanceof APIStatusError) return `${error.name} ${error.statusCode}`;
  return error instanceof Error ? `${error.name}: ${error.message.slice(0, 200)}` : String(error);
};
