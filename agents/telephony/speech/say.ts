/** Says a fixed text, and returns how that went. */
import type { voice } from '@livekit/agents';
import { atMost } from '#src/time-limit.ts';
import type { CachedSpeech, FrameStream } from './cached-speech.ts';
import type { Playout } from './playout.ts';

/** `heard`: played to its end; `cut_off`: by the caller or the end of the session; `failed`: the TTS failed, wholly or in part. */
export type SayResult = 'heard' | 'cut_off' | 'failed';

/** Says a text. Never rejects; an empty text counts as heard. */
export type Say = (text: string, options?: { interruptible?: boolean }) => Promise<SayResult>;

/** Longer than any system message takes. A TTS that hangs must not delay the end of a call. */
const maxSpeechMs = 30_000;

/** Opens `say` for a session. Cached texts need no TTS. */
export const openSay =
  (session: voice.AgentSession, playout: Playout, cachedSpeech: CachedSpeech): Say =>
  async (text, { interruptible = true } = {}) => {
    if (text.trim() === '') return 'heard';
    const frames = await cachedSpeech.framesOf(text);
    const before = playout.started;
    const handle = sayOrNull(session, text, frames, interruptible);
    if (handle === null) return 'cut_off';
    if (!(await atMost(maxSpeechMs, handle.waitForPlayout()))) return 'failed';
    if (handle.interrupted) return 'cut_off';
    const isSilent = before !== null && playout.started === before;
    // If the TTS failed while cached speech was played, it was synthesizing something else.
    return isSilent || (frames === null && playout.failedLately) ? 'failed' : 'heard';
  };

const sayOrNull = (
  session: voice.AgentSession,
  text: string,
  frames: FrameStream | null,
  interruptible: boolean,
): voice.SpeechHandle | null => {
  try {
    return session.say(text, { allowInterruptions: interruptible, ...(frames !== null && { audio: frames }) });
  } catch {
    return null; // the session is closing
  }
};

/** Says a text that can't be interrupted, and says it again if the TTS failed. */
export const sayTwiceIfFailed = async (say: Say, text: string): Promise<void> => {
  const result = await say(text, { interruptible: false });
  if (result === 'failed') await say(text, { interruptible: false });
};

/** Interrupts the agent, unless its current speech can't be interrupted. */
export const stopSpeech = (session: voice.AgentSession): void => {
  try {
    session.interrupt();
  } catch {
    // It can't be interrupted; what comes next is queued after it.
  }
};
