/** How fast a reply is said, compared to the speed that its campaign set: what the caller asked to hear again is said slower. */
import { AsyncLocalStorage } from 'node:async_hooks';

const paces = new AsyncLocalStorage<number>();

/** A voice that is asked to speak within `speak` does so at this pace: 1 is the campaign's speed. */
export const atRate = <T>(pace: number, speak: () => T): T => paces.run(pace, speak);

/** The speed to ask a provider for now. @param rate the campaign's */
export const currentRate = (rate: number): number => Math.round(rate * (paces.getStore() ?? 1) * 100) / 100;
