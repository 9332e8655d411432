/** How fast the simulated providers transcribe, reply and speak. All values can be changed while they run. */
import { z } from 'zod';

export const delaysSchema = z.strictObject({
  /** From the end of speech to the final transcript (but never before `hangoverMs`). */
  finalDelayMs: z.number().min(0),
  interimEveryMs: z.number().min(10),
  /** An interim transcript contains only words that ended at least this long ago. */
  interimLagMs: z.number().min(0),
  /** The shortest silence that ends speech, however small `endpointing` is: there are shorter gaps within words. */
  hangoverMs: z.number().min(20),
  /** Anything quieter is silence. */
  thresholdDbfs: z.number().max(0),
  firstTokenMs: z.number().min(0),
  tokensPerSecond: z.number().positive(),
  speechFirstByteMs: z.number().min(0),
  /** Seconds of audio sent per second, after the first byte. */
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
