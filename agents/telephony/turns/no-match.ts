/**
 * A caller who speaks, and of whom no word arrives: a transcription that went deaf without an error, a language that it doesn't
 * know, a line too bad.
 */
import { voice } from '@livekit/agents';
import { asksToWait } from './phrases/wait-request.ts';

/** A voice that lasted this long had words; a cough or a knock has none. */
const wordyMs = 1_200;
/** Words come at most this long after the voice has ended, also where the transcription fell silent and was replaced meanwhile. */
const wordsWithinMs = 2_500;

export type Misheard = Disposable & {
  callerSpeaks: () => void;
  callerSilent: () => void;
  /** Words of the caller arrived; `isWaiting`: they asked to wait, and speak with somebody else. */
  understood: (isWaiting?: boolean) => void;
  /** The agent thinks or speaks: what is heard meanwhile doesn't count. */
  agentBusy: () => void;
};

/** Opens the clock. `onMisheard` is told how often in a row it was so. */
export const openMisheard = (onMisheard: (times: number) => void): Misheard => {
  let times = 0;
  let voicedMs = 0;
  let speaksSince: number | null = null;
  let isAway = false;
  let timer: NodeJS.Timeout | undefined;
  const forget = () => {
    clearTimeout(timer);
    voicedMs = 0;
  };
  const check = () => {
    const isWordy = voicedMs >= wordyMs && !isAway;
    forget();
    if (isWordy) onMisheard((times += 1));
  };
  return {
    callerSpeaks: () => {
      clearTimeout(timer);
      speaksSince = performance.now();
    },
    callerSilent: () => {
      voicedMs += performance.now() - (speaksSince ?? performance.now());
      speaksSince = null;
      timer = setTimeout(check, wordsWithinMs);
    },
    understood: (isWaiting = false) => {
      forget();
      times = 0;
      isAway = isWaiting;
      if (speaksSince !== null) speaksSince = performance.now();
    },
    agentBusy: () => {
      forget();
      speaksSince = null;
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
};

/** Wires the clock to a session. */
export const watchMisheard = (session: voice.AgentSession, onMisheard: (times: number) => void): Disposable => {
  const { UserStateChanged, UserInputTranscribed, AgentStateChanged } = voice.AgentSessionEventTypes;
  const clock = openMisheard(onMisheard);
  const onCaller = ({ newState }: voice.UserStateChangedEvent) => {
    if (newState === 'speaking' && session.agentState === 'listening') clock.callerSpeaks();
    else clock.callerSilent();
  };
  const onWords = ({ transcript }: voice.UserInputTranscribedEvent) => {
    if (transcript.trim() !== '') clock.understood(asksToWait(transcript));
  };
  const onAgent = ({ newState }: voice.AgentStateChangedEvent) => {
    if (newState === 'thinking' || newState === 'speaking') clock.agentBusy();
  };
  session.on(UserStateChanged, onCaller).on(UserInputTranscribed, onWords).on(AgentStateChanged, onAgent);
  return {
    [Symbol.dispose]: () => {
      session.off(UserStateChanged, onCaller).off(UserInputTranscribed, onWords).off(AgentStateChanged, onAgent);
      clock[Symbol.dispose]();
    },
  };
};
