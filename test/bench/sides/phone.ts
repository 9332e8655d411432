/** Dialing in a benchmark that isn't about picking up. */
import type { Caller, DialOptions } from '#src/simulators/caller/caller.ts';
import type { Side } from './sides.ts';

const answerTimeoutMs = 20_000;
const attempts = 3;

/** What was done again, or left out, on one side: part of its figures. */
export type Tally = {
  /** Calls that nobody answered, dialed again. */
  redials: number;
  /** Questions asked again, because the agent hadn't done what the measurement needs. */
  repeats: number;
  /** Measurements without a result. */
  dropped: number;
};

export const newTally = (): Tally => ({ redials: 0, repeats: 0, dropped: 0 });

/** Dials until the call is answered. @throws after three calls that nobody answered */
export const phoneUntilAnswered = async (
  side: Side,
  options: Partial<DialOptions>,
  { tally, progress }: { tally: Tally; progress: (line: string) => void },
): Promise<Caller> => {
  for (let attempt = 1; ; attempt += 1) {
    const caller = await side.phone(options);
    try {
      await caller.whenAgentSpeaks({ timeoutMs: answerTimeoutMs, since: caller.dialedAt });
      return caller;
    } catch (error) {
      await caller[Symbol.asyncDispose]();
      tally.redials += 1;
      progress(`${side.name}: not answered (${String(error)})`);
      if (attempt === attempts)
        throw new Error(`${side.name} answered none of ${attempts} calls. ${side.output()}`, { cause: error });
    }
  }
};
