/** What to do when a provider fails: tell the service, and never leave the caller in silence. */
import { APIStatusError, voice } from '@livekit/agents';
import type { Happening } from '#src/link/messages.ts';
import type { Ender } from './ending.ts';
import type { Playout } from './playout.ts';
import type { Speak } from './speaker.ts';
import type { Tasks } from './tasks.ts';

export type Part = Extract<Happening, { kind: 'trouble' }>['part'];

export type Troubles = Disposable & {
  /** The greeting says itself again: until it is over, failures are only told. */
  greetingIsOver: () => void;
  /** The agent answered: whatever failed before works again. */
  recovered: () => void;
};

export type TroubleOptions = {
  tell: (part: Part, detail: string) => void;
  playout: Playout;
  speak: Speak;
  ender: Ender;
  tasks: Tasks;
};

const apology = "I'm sorry, I didn't manage to answer that. Could you say it again, please?";
const farewell =
  "I'm sorry, I'm having technical difficulties and have to end this call. Please call again later. Goodbye.";
/** So many failed answers in a row end the call. */
const patience = 2;

/** Watches a session's providers. */
export const watchTroubles = (session: voice.AgentSession, options: TroubleOptions): Troubles => {
  let failures = 0;
  let greeting = true;
  const giveUp = () => {
    if (!options.ender.begin('agent_error')) return;
    options.tasks.add('farewell', async () => {
      const spoken = await options.speak(farewell, { interruptible: false });
      if (spoken === 'failed') await options.speak(farewell, { interruptible: false });
      options.ender.finish('agent_error');
    });
  };
  const onError = ({ error }: voice.ErrorEvent) => {
    if (error === null || !('type' in error) || error.recoverable) return;
    const part = partOf(error.type);
    if (part === 'tts') options.playout.noteFailure();
    options.tell(part, describeFailure(error));
    if (error.type === 'stt_error') {
      // An unrecoverable STT error makes the framework close the session on the spot, before a word could be said.
      error.recoverable = true;
      return giveUp();
    }
    failures += 1;
    if (greeting || options.ender.begun) return;
    if (failures >= patience) giveUp();
    else options.tasks.add('apology', () => options.speak(apology));
  };
  session.on(voice.AgentSessionEventTypes.Error, onError);
  return {
    greetingIsOver: () => {
      greeting = false;
      if (failures >= patience) giveUp();
    },
    recovered: () => {
      failures = 0;
    },
    [Symbol.dispose]: () => void session.off(voice.AgentSessionEventTypes.Error, onError),
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
