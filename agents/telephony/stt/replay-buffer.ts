/** The caller's sound that no final transcript covers yet: what a new connection has to hear again. */

export type ReplayBuffer = {
  /** Takes 16-bit mono samples. */
  push: (pcm: Buffer) => void;
  /** Forgets everything before this moment, in seconds since the first sample. */
  forgetBefore: (seconds: number) => void;
  /** What is kept, in order. */
  readonly chunks: readonly Buffer[];
  /** When the first of `chunks` began, in seconds since the first sample. */
  readonly startsAt: number;
  /** How much has been heard in all, in seconds. */
  readonly heard: number;
};

/** Opens a replay that keeps at most `longestSeconds`; older sound is forgotten. */
export const openReplayBuffer = (sampleRate: number, longestSeconds: number): ReplayBuffer => {
  const chunks: Buffer[] = [];
  const bytesPerSecond = sampleRate * 2;
  let startsAt = 0;
  let heard = 0;
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
      heard += pcm.length / bytesPerSecond;
      forgetBefore(heard - longestSeconds);
    },
    forgetBefore,
    chunks,
    get startsAt() {
      return startsAt;
    },
    get heard() {
      return heard;
    },
  };
};
