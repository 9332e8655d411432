/** The caller's audio that no final transcript covers yet, which a new connection must get again. */

export type ReplayBuffer = {
  /** Takes 16-bit mono samples. */
  push: (pcm: Buffer) => void;
  /** Drops everything before this time, in seconds since the first sample. */
  forgetBefore: (seconds: number) => void;
  /** The audio kept, in order. */
  readonly chunks: readonly Buffer[];
  /** When the first of `chunks` starts, in seconds since the first sample. */
  readonly startsAt: number;
};

/** Opens a buffer that keeps at most `maxSeconds`; older audio is dropped. */
export const openReplayBuffer = (sampleRate: number, maxSeconds: number): ReplayBuffer => {
  const chunks: Buffer[] = [];
  const bytesPerSecond = sampleRate * 2;
  let startsAt = 0;
  let received = 0;
  const forgetBefore = (seconds: number): void => {
    for (let first = chunks[0]; first !== undefined; first = chunks[0]) {
      const endsAt = startsAt + first.length / bytesPerSecond;
      if (endsAt > seconds) return;
      chunks.shift();
      startsAt = endsAt;
    }
  };
  return {
    push: (pcm) => {
      chunks.push(pcm);
      received += pcm.length / bytesPerSecond;
      forgetBefore(received - maxSeconds);
    },
    forgetBefore,
    chunks,
    get startsAt() {
      return startsAt;
    },
  };
};
