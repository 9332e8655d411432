/** How fast the simulated providers hear, think and speak. All values can be changed while they run. */
import { z } from 'zod';

export const delaysSchema = z.strictObject({
  /** Deepgram's final comes this long after the end of speech (never before a pause can be told from a gap). */
  finalDelayMs: z.number().min(0),
  interimEveryMs: z.number().min(10),
  /** An interim holds only words that ended at least this long ago. */
  interimLagMs: z.number().min(0),
  /** The shortest silence taken for a pause, however small `endpointing` is: gaps inside words are shorter. */
  hangoverMs: z.number().min(20),
  /** Frames quieter than this are silence. */
  thresholdDbfs: z.number().max(0),
  firstTokenMs: z.number().min(0),
  tokensPerSecond: z.number().positive(),
  speechFirstByteMs: z.number().min(0),
  /** Seconds of speech sent per second, after the first byte. */
  speechRealtimeFactor: z.number().positive(),
});

export type Delays = z.infer<typeof delaysSchema>;

export const defaultDelays: Delays = {
  finalDelayMs: 250,
  interimEveryMs: 100,
  interimLagMs: 200,
  hangoverMs: 200,
  thresholdDbfs: -45,
  firstTokenMs: 350,
  tokensPerSecond: 50,
  speechFirstByteMs: 150,
  speechRealtimeFactor: 6,
};
