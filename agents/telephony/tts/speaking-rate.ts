/** How fast a reply is spoken, relative to the campaign's rate: repetitions are slower. */
import { AsyncLocalStorage } from 'node:async_hooks';

const factors = new AsyncLocalStorage<number>();

/** Runs `synthesize`; what it requests from the TTS is spoken at `factor` times the campaign's rate. */
export const atRate = <T>(factor: number, synthesize: () => T): T => factors.run(factor, synthesize);

/** The rate to request from a provider now. @param rate the campaign's rate */
export const currentRate = (rate: number): number => Math.round(rate * (factors.getStore() ?? 1) * 100) / 100;
