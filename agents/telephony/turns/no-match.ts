/**
 * No-match: the caller speaks, but no words are recognized. The STT may have stopped working without an error, may not know the language,
 * or the line is too bad.
 */
import type { SpeechTracker } from './speech-tracker.ts';

/** Speech this long contains words, unlike a cough or a knock. */
const minSpeechMs = 1_200;
/** Words arrive within this time after the end of speech, even if the STT had to reconnect. */
const wordsWithinMs = 2_500;

export type NoMatchTimer = Disposable & {
  callerSpeaks: () => void;
  callerSilent: () => void;
  /** Words were recognized. `isAway`: the caller asked the agent to wait, and may now be talking to someone else. */
  recognized: (isAway?: boolean) => void;
  /** The agent is thinking or speaking, so the caller's speech doesn't count. */
  agentBusy: () => void;
};

/** Opens the timer. @param onNoMatch called with the number of times in a row */
export const openNoMatchTimer = (onNoMatch: (times: number) => void): NoMatchTimer => {
  let times = 0;
  let speechMs = 0;
  let speakingSince: number | null = null;
  let isCallerAway = false;
  let timer: NodeJS.Timeout | undefined;
  const reset = () => {
    clearTimeout(timer);
    speechMs = 0;
  };
  const check = () => {
    const isNoMatch = speechMs >= minSpeechMs && !isCallerAway;
    reset();
    if (isNoMatch) onNoMatch((times += 1));
  };
  return {
    callerSpeaks: () => {
      clearTimeout(timer);
      speakingSince = performance.now();
    },
    callerSilent: () => {
      speechMs += performance.now() - (speakingSince ?? performance.now());
      speakingSince = null;
      timer = setTimeout(check, wordsWithinMs);
    },
    recognized: (isAway = false) => {
      reset();
      times = 0;
      isCallerAway = isAway;
      if (speakingSince !== null) speakingSince = performance.now();
    },
    agentBusy: () => {
      reset();
      speakingSince = null;
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
};

/** Runs the timer on the tracker's events. */
export const watchNoMatch = (tracker: SpeechTracker, onNoMatch: (times: number) => void): Disposable => {
  const timer = openNoMatchTimer(onNoMatch);
  tracker.events.on('caller', (isSpeaking) => {
    if (isSpeaking && tracker.agentState() === 'listening') timer.callerSpeaks();
    else timer.callerSilent();
  });
  tracker.events.on('words', ({ kind }) => timer.recognized(kind === 'wait_request'));
  tracker.events.on('agent', (state) => {
    if (state === 'thinking' || state === 'speaking') timer.agentBusy();
  });
  return timer;
};
