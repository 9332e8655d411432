/** A caller who says line after line, each once the agent has finished, and hangs up when nobody ends the call for them. */
import type { Caller } from './caller.ts';

const patienceMs = 30_000;
/** So long a pause means that the agent has finished. */
const quietMs = 900;
const lastWordsMs = 20_000;

export type ScriptOptions = Readonly<{ script: readonly string[]; onHangUp: () => void }>;

const isEnded = (caller: Caller): Promise<'ended'> => caller.whenEnded().then(() => 'ended');

/** Holds the caller's side of the conversation. Rejects where the agent isn't heard in time, unless the call is over. */
export const followScript = async (caller: Caller, { script: lines, onHangUp }: ScriptOptions): Promise<void> => {
  const script = async (): Promise<'said'> => {
    let since = caller.dialedAt;
    for (const line of lines) {
      await caller.whenAgentSpeaks({ timeoutMs: patienceMs, since });
      await caller.whenAgentQuiet({ quietMs, timeoutMs: patienceMs });
      since = (await caller.say(line)).lastSampleAt;
    }
    await caller.whenAgentSpeaks({ timeoutMs: patienceMs, since });
    return 'said';
  };
  const outcome = await Promise.race([script().catch(unlessEnded(caller)), isEnded(caller)]);
  if (outcome === 'ended') return;
  const timeout = new Promise<'waited'>((resolve) => setTimeout(() => resolve('waited'), lastWordsMs).unref());
  if ((await Promise.race([isEnded(caller), timeout])) === 'ended') return;
  onHangUp();
  await caller.hangUp();
};

/** A call that ended while the caller waited or spoke has ended: that is how calls end. */
const unlessEnded =
  (caller: Caller) =>
  async (error: unknown): Promise<'ended'> => {
    const soon = new Promise<null>((resolve) => setTimeout(() => resolve(null), 100));
    if ((await Promise.race([isEnded(caller), soon])) === 'ended') return 'ended';
    throw error;
  };
