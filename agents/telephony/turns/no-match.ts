/**
 * No-match: the caller speaks, and no word of it is understood. The transcription went deaf without an error, doesn't know the language,
 * or the line is too bad.
 */
import type { SpeechTracker } from './speech-tracker.ts';

/** A voice that lasts this long has words in it; a cough or a knock has none. */
const wordyMs = 1_200;
/** Words come at most this long after the voice ended, even when the transcription fell silent and was replaced meanwhile. */
const wordsWithinMs = 2_500;

export type NoMatchTimer = Disposable & {
  callerSpeaks: () => void;
  callerSilent: () => void;
  /** Words of the caller arrived. `isAway`: they asked to wait, and speak with somebody else now. */
  understood: (isAway?: boolean) => void;
  /** The agent thinks or speaks: what is heard meanwhile doesn't count. */
  agentBusy: () => void;
};

/** Opens the timer. `onNoMatch` gets how many times in a row it has happened. */
export const openNoMatchTimer = (onNoMatch: (times: number) => void): NoMatchTimer => {
  let times = 0;
  let voicedMs = 0;
  let speaksSince: number | null = null;
  let isCallerAway = false;
  let timer: NodeJS.Timeout | undefined;
  const reset = () => {
    clearTimeout(timer);
    voicedMs = 0;
  };
  const check = () => {
    const isNoMatch = voicedMs >= wordyMs && !isCallerAway;
    reset();
    if (isNoMatch) onNoMatch((times += 1));
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
    understood: (isAway = false) => {
      reset();
      times = 0;
      isCallerAway = isAway;
      if (speaksSince !== null) speaksSince = performance.now();
    },
    agentBusy: () => {
      reset();
      speaksSince = null;
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
};

/** Runs the timer on what the tracker reports. */
export const watchNoMatch = (tracker: SpeechTracker, onNoMatch: (times: number) => void): Disposable => {
  const timer = openNoMatchTimer(onNoMatch);
  tracker.events.on('caller', (isSpeaking) => {
    if (isSpeaking && tracker.agentState() === 'listening') timer.callerSpeaks();
    else timer.callerSilent();
  });
  tracker.events.on('words', ({ kind }) => timer.understood(kind === 'wait_request'));
  tracker.events.on('agent', (state) => {
    if (state === 'thinking' || state === 'speaking') timer.agentBusy();
  });
  return timer;
};
