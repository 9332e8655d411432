/** Says a text that needs no model, and tells how that went. */
import type { voice } from '@livekit/agents';
import { atMost } from '#src/time-limit.ts';
import type { CachedSpeech, Sound } from './cached-speech.ts';
import type { Playout } from './playout.ts';

/** `heard` to its end; `cut_off` by the caller, or by the end of the session; `failed`: the voice failed, wholly or partly. */
export type SayResult = 'heard' | 'cut_off' | 'failed';

/** Never rejects. An empty text counts as heard. */
export type Say = (text: string, options?: { interruptible?: boolean }) => Promise<SayResult>;

/** Longer than any of our sentences takes; a voice that hangs must not delay the end of a call. */
const longestMs = 30_000;

/** Opens `say` for a session. A text whose speech is cached needs no voice. */
export const openSay =
  (session: voice.AgentSession, playout: Playout, cachedSpeech: CachedSpeech): Say =>
  async (text, { interruptible = true } = {}) => {
    if (text.trim() === '') return 'heard';
    const sound = await cachedSpeech.soundOf(text);
    const before = playout.started;
    const handle = sayOrNull(session, text, sound, interruptible);
    if (handle === null) return 'cut_off';
    if (!(await atMost(longestMs, handle.waitForPlayout()))) return 'failed';
    if (handle.interrupted) return 'cut_off';
    const isSilent = before !== null && playout.started === before;
    // A voice that failed while cached speech was played was preparing something else.
    return isSilent || (sound === null && playout.failedLately) ? 'failed' : 'heard';
  };

const sayOrNull = (
  session: voice.AgentSession,
  text: string,
  sound: Sound | null,
  interruptible: boolean,
): voice.SpeechHandle | null => {
  try {
    return session.say(text, { allowInterruptions: interruptible, ...(sound !== null && { audio: sound }) });
  } catch {
    return null; // The session is closing: nobody is left to speak to.
  }
};

/** Says what must be heard to its end, and once more if the voice failed. */
export const sayTwiceIfFailed = async (say: Say, text: string): Promise<void> => {
  const result = await say(text, { interruptible: false });
  if (result === 'failed') await say(text, { interruptible: false });
};

/** Cuts off what is being said, unless it can't be interrupted. */
export const stopSpeech = (session: voice.AgentSession): void => {
  try {
    session.interrupt();
  } catch {
    // It can't be interrupted: what comes next follows it.
  }
};
