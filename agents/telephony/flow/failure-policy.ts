/** What happens when a provider fails or recognizes no speech: the failure is reported, and the caller is never left in silence. */
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
  /** A greeting that fails is repeated anyway, so failures are only reported until it is over. */
  greetingIsOver: () => void;
  /** The agent has replied: earlier failures no longer count. */
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

/** How many replies in a row may fail before the conversation ends. */
const maxFailures = 2;
/** How many times in a row the caller's speech may go unrecognized before the conversation ends. */
const maxNoMatches = 3;

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
    // Preemptive generation may fail while the caller is still speaking, who would cut an apology off.
    afterSpeech(tracker.latest(), () => {
      state.failures += 1;
      if (!state.isGreeting) react(state.failures >= maxFailures, options);
    });
  };
  session.on(voice.AgentSessionEventTypes.Error, onError);
  const noMatch = watchNoMatch(tracker, (times) => {
    report('stt', 'the caller spoke, but no words were recognized');
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

/** Calls `then` when the speech is over, unless it was cut off: then the caller went on and gets another reply. */
const afterSpeech = (speech: voice.SpeechHandle | null, then: () => void): void => {
  if (speech === null) return then();
  speech.addDoneCallback(() => (speech.interrupted ? undefined : then()));
};

const react = (isHopeless: boolean, options: FailurePolicyOptions): void => {
  if (options.callEnd.begun || options.transfer.isUnderWay) return;
  if (isHopeless) giveUp(options);
  else options.tasks.add('apology', () => options.say(options.job.systemMessages.apology));
};

/** Transfers the caller to the campaign's fallback destination if it has one; otherwise tells them that the call ends, and ends it. */
const giveUp = ({ callEnd, tasks, say, job, transfer }: FailurePolicyOptions): void => {
  if (transfer.isUnderWay) return;
  if (job.fallback !== null && transfer.begin({ destination: job.fallback, cause: 'fallback' })) return;
  if (!callEnd.begin('agent_error')) return;
  tasks.add('last message', async () => {
    await sayTwiceIfFailed(say, job.systemMessages.farewell);
    callEnd.finish('agent_error');
  });
};

const partOf = (type: string): FailedPart => {
  if (type === 'stt_error') return 'stt';
  if (type === 'tts_error') return 'tts';
  return type === 'llm_error' ? 'llm' : 'session';
};

/** A short description. The provider's whole response is left out, since it may contain what was said. */
const describeFailure = (failure: object): string => {
  const error = 'error' in failure ? failure.error : failure;
  if (error instanceof APIStatusError) return `${error.name} ${error.statusCode}`;
  return error instanceof Error ? `${error.name}: ${error.message.slice(0, 200)}` : String(error);
};
