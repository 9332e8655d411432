/** Phoning in a benchmark that isn't about picking up. */
import type { Caller, DialOptions } from '#src/simulators/caller/caller.ts';
import type { Side } from './sides.ts';

const answerTimeoutMs = 20_000;
const attempts = 3;

/** Phones until somebody answers. @throws after three calls that nobody answered */
export const phoneUntilAnswered = async (
  side: Side,
  options: Partial<DialOptions>,
  progress: (line: string) => void,
): Promise<Caller> => {
  for (let attempt = 1; ; attempt += 1) {
    const caller = await side.phone(options);
    try {
      await caller.whenAgentSpeaks({ timeoutMs: answerTimeoutMs, since: caller.dialedAt });
      return caller;
    } catch (error) {
      await caller[Symbol.asyncDispose]();
      progress(`${side.name}: not answered (${String(error)})`);
      if (attempt === attempts)
        throw new Error(`${side.name} answered none of ${attempts} calls. ${side.output()}`, { cause: error });
    }
  }
};
