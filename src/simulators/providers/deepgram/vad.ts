/** Finds speech in sound by its loudness. All times in ms of sound since the beginning. */

const windowMs = 10;
/** Speech starts with so many loud windows among the last ten: a click is none. */
const loudWindows = 6;

export type VadEvent = { kind: 'start'; startMs: number } | { kind: 'end'; startMs: number; endMs: number };

export type Vad = {
  /** Takes 16-bit sound of any length (channels interleaved; the first one counts) and returns what it heard in it, in order. */
  push(pcm: Buffer): VadEvent[];
  /** Ends the speech that is going on, if any, where it was last heard. */
  endNow(): VadEvent[];
  /** How much sound was pushed. */
  positionMs(): number;
};

type Hearing = {
  windowBytes: number;
  frameBytes: number;
  threshold: number;
  hangoverMs: number;
  atMs: number;
  /** When the last loud windows ended, while there is no speech. */
  recent: number[];
  speech: { startMs: number; endMs: number } | null;
};

export const createVad = (
  format: { sampleRate: number; channels: number },
  thresholdDbfs: number,
  hangoverMs: number,
): Vad => {
  const frameBytes = 2 * format.channels;
  const windowBytes = Math.round((format.sampleRate * windowMs) / 1000) * frameBytes;
  const threshold = 32768 * 10 ** (thresholdDbfs / 20);
  const hearing: Hearing = { windowBytes, frameBytes, threshold, hangoverMs, atMs: 0, recent: [], speech: null };
  let pending = Buffer.alloc(0);
  return {
    push(pcm) {
      pending = Buffer.concat([pending, pcm]);
      const heard: VadEvent[] = [];
      let used = 0;
      for (; used + windowBytes <= pending.length; used += windowBytes) {
        heard.push(...hearWindow(hearing, pending.subarray(used, used + windowBytes)));
      }
      pending = pending.subarray(used);
      return heard;
    },
    endNow: () => endSpeech(hearing),
    positionMs: () => hearing.atMs + (pending.length / windowBytes) * windowMs,
  };
};

const hearWindow = (hearing: Hearing, window: Buffer): VadEvent[] => {
  const isLoud = rms(window, hearing.frameBytes) > hearing.threshold;
  hearing.atMs += windowMs;
  const { atMs, speech } = hearing;
  if (speech) {
    if (isLoud) speech.endMs = atMs;
    return atMs - speech.endMs >= hearing.hangoverMs ? endSpeech(hearing) : [];
  }
  hearing.recent = hearing.recent.filter((ms) => ms > atMs - 10 * windowMs);
  if (isLoud) hearing.recent.push(atMs);
  if (hearing.recent.length < loudWindows) return [];
  const startMs = (hearing.recent[0] ?? atMs) - windowMs;
  hearing.speech = { startMs, endMs: atMs };
  return [{ kind: 'start', startMs }];
};

const endSpeech = (hearing: Hearing): VadEvent[] => {
  const { speech } = hearing;
  hearing.speech = null;
  hearing.recent = [];
  return speech ? [{ kind: 'end', ...speech }] : [];
};

const rms = (window: Buffer, frameBytes: number): number => {
  let sum = 0;
  for (let at = 0; at + 1 < window.length; at += frameBytes) sum += window.readInt16LE(at) ** 2;
  return Math.sqrt(sum / (window.length / frameBytes));
};
