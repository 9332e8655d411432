/** What to do when a provider fails, or hears nothing: tell the service, and never leave the caller in silence. */
import { APIStatusError, voice } from '@livekit/agents';
import type { CallJob } from '#src/protocol/job.ts';
import type { AgentEvent } from '#src/protocol/messages.ts';
import type { Ender } from './call-end.ts';
import { watchMisheard } from '../turns/no-match.ts';
import type { Playout } from '../speech/playout.ts';
import type { Speak } from '../speech/say.ts';
import type { Tasks } from '../report/background-tasks.ts';
import type { Transfer } from './transfer.ts';

export type Part = Extract<AgentEvent, { kind: 'failure' }>['part'];

export type Troubles = Disposable & {
  /** The greeting says itself again: until it is over, failures are only told. */
  greetingIsOver: () => void;
  /** The agent answered: whatever failed before works again. */
  recovered: () => void;
};

export type TroubleOptions = {
  tell: (part: Part, detail: string) => void;
  job: Pick<CallJob, 'systemMessages' | 'fallback'>;
  playout: Playout;
  speak: Speak;
  ender: Ender;
  tasks: Tasks;
  transfer: Transfer;
};

/** So many failed answers in a row end the call … */
const patience = 2;
/** … and so many times that the caller spoke, and no word arrived. */
const misheardPatience = 3;

/** Watches a session's providers. */
export const watchTroubles = (session: voice.AgentSession, options: TroubleOptions): Troubles => {
  const state = { failures: 0, greeting: true };
  const speech = followSpeech(session);
  const onError = ({ error }: voice.ErrorEvent) => {
    if (error === null || !('type' in error) || error.recoverable) return;
    const part = partOf(error.type);
    options.tell(part, describeFailure(error));
    if (part === 'tts') options.playout.noteFailure();
    if (error.type === 'stt_error') {
      // An unrecoverable STT error makes the framework close the session on the spot, before a word could be said.
      error.recoverable = true;
      return giveUp(options);
    }
    // The model starts before the caller's turn is over: what is said before that is cut off again.
    speech.whenOver(() => {
      state.failures += 1;
      if (!state.greeting) react(state.failures >= patience, options);
    });
  };
  session.on(voice.AgentSessionEventTypes.Error, onError);
  const misheard = watchMisheard(session, (times) => {
    options.tell('stt', 'the caller spoke, and no word arrived');
    react(times >= misheardPatience, options);
  });
  return {
    greetingIsOver: () => {
      state.greeting = false;
      if (state.failures >= patience) giveUp(options);
    },
    recovered: () => {
      state.failures = 0;
    },
    [Symbol.dispose]: () => {
      session.off(voice.AgentSessionEventTypes.Error, onError);
      misheard[Symbol.dispose]();
      speech[Symbol.dispose]();
    },
  };
};

const react = (isHopeless: boolean, options: TroubleOptions): void => {
  if (options.ender.begun || options.transfer.isUnderWay) return;
  if (isHopeless) giveUp(options);
  else options.tasks.add('apology', () => options.speak(options.job.systemMessages.apology));
};

/** The conversation can't go on: the person whom the campaign names takes the caller over, or they are told, and the call ends. */
const giveUp = ({ ender, tasks, speak, job, transfer }: TroubleOptions): void => {
  if (transfer.isUnderWay) return;
  if (job.fallback !== null && transfer.begin({ destination: job.fallback, cause: 'fallback' })) return;
  if (!ender.begin('agent_error')) return;
  tasks.add('farewell', async () => {
    const spoken = await speak(job.systemMessages.farewell, { interruptible: false });
    if (spoken === 'failed') await speak(job.systemMessages.farewell, { interruptible: false });
    ender.finish('agent_error');
  });
};

/** Knows the speech that is being made now, spoken or not yet. */
const followSpeech = (session: voice.AgentSession) => {
  let latest: voice.SpeechHandle | null = null;
  const onSpeech = ({ speechHandle }: voice.SpeechCreatedEvent) => {
    latest = speechHandle;
  };
  session.on(voice.AgentSessionEventTypes.SpeechCreated, onSpeech);
  return {
    /** Calls `then` when that speech is over, unless it was cut off: the caller went on, and gets another answer. */
    whenOver: (then: () => void) => {
      const speech = latest;
      if (speech === null) return then();
      speech.addDoneCallback(() => (speech.interrupted ? undefined : then()));
    },
    [Symbol.dispose]: () => void session.off(voice.AgentSessionEventTypes.SpeechCreated, onSpeech),
  };
};

const partOf = (type: string): Part => {
  if (type === 'stt_error') return 'stt';
  if (type === 'tts_error') return 'tts';
  return type === 'llm_error' ? 'llm' : 'session';
};

/** One line for a person: which failure, not the whole answer of the provider, which may hold what was said. */
const describeFailure = (failure: object): string => {
  const error = 'error' in failure ? failure.error : failure;
  if (error instanceof APIStatusError) return `${error.name} ${error.statusCode}`;
  return error instanceof Error ? `${error.name}: ${error.message.slice(0, 200)}` : String(error);
};
