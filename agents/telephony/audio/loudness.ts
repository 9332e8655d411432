/** The loudness of audio. */

/** Root mean square of 16-bit samples. @param pcm an even number of bytes, at least two */
export const rmsOf = (pcm: Buffer): number => {
  let sum = 0;
  for (let at = 0; at + 1 < pcm.length; at += 2) sum += pcm.readInt16LE(at) ** 2;
  return Math.sqrt(sum / (pcm.length / 2));
};
