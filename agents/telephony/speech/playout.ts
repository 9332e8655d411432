/** Records how much of the agent's speech was actually played. */
import { voice } from '@livekit/agents';

export type Playout = Disposable & {
  /** Follows a session. To be called after its audio output has been attached, if it has any. */
  follow: (session: voice.AgentSession) => void;
  /** How many speeches have started to play; null for a conversation in text. */
  readonly started: number | null;
  /** The last speech that was played, whether to its end or cut off. */
  readonly last: { interrupted: boolean; transcript: string | undefined; playedMs: number } | null;
  /** Whether the TTS has failed since the last speech started to play. */
  readonly failedLately: boolean;
  noteFailure: () => void;
};

export const openPlayout = (): Playout => {
  let audio: voice.AudioOutput | null = null;
  let started = 0;
  let hasFailed = false;
  let last: Playout['last'] = null;
  const onStarted = () => {
    started += 1;
    hasFailed = false;
  };
  const onFinished = (event: voice.PlaybackFinishedEvent) => {
    last = {
      interrupted: event.interrupted,
      transcript: event.synchronizedTranscript,
      playedMs: Math.round(event.playbackPosition * 1000),
    };
  };
  return {
    follow: (session) => {
      audio = session.output.audio;
      audio?.on(voice.AudioOutput.EVENT_PLAYBACK_STARTED, onStarted);
      audio?.on(voice.AudioOutput.EVENT_PLAYBACK_FINISHED, onFinished);
    },
    get started() {
      return audio === null ? null : started;
    },
    get last() {
      return last;
    },
    get failedLately() {
      return hasFailed;
    },
    noteFailure: () => {
      hasFailed = true;
    },
    [Symbol.dispose]: () => {
      audio?.off(voice.AudioOutput.EVENT_PLAYBACK_STARTED, onStarted);
      audio?.off(voice.AudioOutput.EVENT_PLAYBACK_FINISHED, onFinished);
    },
  };
};
