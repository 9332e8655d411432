/** How the stock agent can be set up: named in the metadata of its dispatch. */
import type { voice } from '@livekit/agents';

/**
 * `default`: the quickstart. `vad`, `stt`: with another turn detection. `tuned`: as below. `say`, `say-prepared`: the quickstart, which
 * greets with a fixed text instead of asking the model, from the voice or from audio prepared before the call.
 */
export const stockVariants = ['default', 'vad', 'stt', 'tuned', 'say', 'say-prepared'] as const;
export type StockVariant = (typeof stockVariants)[number];

export const isStockVariant = (text: string): text is StockVariant => stockVariants.some((one) => one === text);

/** What a user who wants short latencies sets; the voice activity detector then waits 250 ms instead of 550, too. */
export const tunedOptions: Pick<voice.AgentSessionOptions, 'turnHandling'> = {
  turnHandling: {
    turnDetection: 'vad',
    endpointing: { minDelay: 200 },
    interruption: { minDuration: 200 },
    preemptiveGeneration: { preemptiveTts: true },
  },
};
