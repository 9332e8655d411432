/** Says a sentence that needs no model, and tells how it went. */
import type { voice } from '@livekit/agents';
import type { Playout } from './playout.ts';
import type { Prepared, Sound } from './cached-speech.ts';

/** `heard` to its end; `cut_off` by the caller (or by the end of the session); `failed`: the voice gave out, wholly or partly. */
export type Spoken = 'heard' | 'cut_off' | 'failed';

export type Speak = (text: string, options?: { interruptible?: boolean }) => Promise<Spoken>;

/** Longer than any sentence of ours takes; a voice that hangs must not hold up the end of a call. */
const longestMs = 30_000;

/** Makes `speak` for a session; it never rejects. An empty text is heard at once; a prepared one needs no voice. */
export const openSpeaker =
  (session: voice.AgentSession, playout: Playout, prepared: Prepared): Speak =>
  async (text, { interruptible = true } = {}) => {
    if (text.trim() === '') return 'heard';
    const sound = await prepared.soundOf(text);
    const before = playout.started;
    const handle = sayOrNull(session, text, sound, interruptible);
    if (handle === null) return 'cut_off';
    if (!(await playedWithin(handle, longestMs))) return 'failed';
    if (handle.interrupted) return 'cut_off';
    const silent = before !== null && playout.started === before;
    // A voice that failed meanwhile was preparing something else.
    return silent || (sound === null && playout.failedLately) ? 'failed' : 'heard';
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
    return null; // The session is closing: there is nobody left to speak to.
  }
};

/** Cuts off what is being said, where it may be. */
export const stopSpeech = (session: voice.AgentSession): void => {
  try {
    session.interrupt();
  } catch {
    // What is being said may not be interrupted: what comes next follows it.
  }
};

const playedWithin = async (handle: voice.SpeechHandle, timeoutMs: number): Promise<boolean> => {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), timeoutMs);
  try {
    return await Promise.race([handle.waitForPlayout().then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
};
