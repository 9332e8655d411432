/** What of the agent's speech came out of the loudspeaker. */
import { voice } from '@livekit/agents';

export type Playout = Disposable & {
  /** How many speeches began to be heard; null where there is no audio (text only). */
  readonly started: number | null;
  /** The last speech that came to its end, of itself or cut off. */
  readonly last: { interrupted: boolean; transcript: string | undefined; playedMs: number } | null;
  /** Whether the voice failed since the last speech began. */
  readonly failedLately: boolean;
  noteFailure: () => void;
};

/** Watches a session that has its audio output. */
export const watchPlayout = (session: voice.AgentSession): Playout => {
  const audio = session.output.audio;
  let started = 0;
  let failed = false;
  let last: Playout['last'] = null;
  const onStarted = () => {
    started += 1;
    failed = false;
  };
  const onFinished = (event: voice.PlaybackFinishedEvent) => {
    last = {
      interrupted: event.interrupted,
      transcript: event.synchronizedTranscript,
      playedMs: Math.round(event.playbackPosition * 1000),
    };
  };
  audio?.on(voice.AudioOutput.EVENT_PLAYBACK_STARTED, onStarted);
  audio?.on(voice.AudioOutput.EVENT_PLAYBACK_FINISHED, onFinished);
  return {
    get started() {
      return audio === null ? null : started;
    },
    get last() {
      return last;
    },
    get failedLately() {
      return failed;
    },
    noteFailure: () => {
      failed = true;
    },
    [Symbol.dispose]: () => {
      audio?.off(voice.AudioOutput.EVENT_PLAYBACK_STARTED, onStarted);
      audio?.off(voice.AudioOutput.EVENT_PLAYBACK_FINISHED, onFinished);
    },
  };
};
