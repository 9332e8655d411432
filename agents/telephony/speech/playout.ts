/** What of the agent's speech came out of the loudspeaker. */
import { voice } from '@livekit/agents';

export type Playout = Disposable & {
  /** Follows a session, which has its audio output by now, if it has one at all. */
  follow: (session: voice.AgentSession) => void;
  /** How many speeches began to be heard; null without audio (text only). */
  readonly started: number | null;
  /** The last speech that ended, by itself or cut off. */
  readonly last: { interrupted: boolean; transcript: string | undefined; playedMs: number } | null;
  /** Whether the voice failed since the last speech began. */
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
