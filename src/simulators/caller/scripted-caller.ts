/** A caller who follows a script: speaks whenever the agent has finished, and hangs up at the end unless the agent does. */
import type { Caller } from './caller.ts';

const agentTimeoutMs = 30_000;
/** After a pause this long the agent has finished. */
const quietMs = 900;
const lastWordsMs = 20_000;

const hasEnded = (caller: Caller): Promise<'ended'> => caller.whenEnded().then(() => 'ended');

const after = <T>(ms: number, value: T): Promise<T> =>
  new Promise((resolve) => setTimeout(() => resolve(value), ms).unref());

const speakScript = async (caller: Caller, script: readonly string[]): Promise<'finished'> => {
  let since = caller.dialedAt;
  for (const utterance of script) {
    await caller.whenAgentSpeaks({ timeoutMs: agentTimeoutMs, since });
    await caller.whenAgentQuiet({ quietMs, timeoutMs: agentTimeoutMs });
    since = (await caller.say(utterance)).lastSampleAt;
  }
  await caller.whenAgentSpeaks({ timeoutMs: agentTimeoutMs, since });
  return 'finished';
};

/** Waiting and speaking fail when the call ends: that is a normal end. */
const ignoreEnd =
  (caller: Caller) =>
  async (error: unknown): Promise<'ended'> => {
    if ((await Promise.race([hasEnded(caller), after(100, null)])) === 'ended') return 'ended';
    throw error;
  };

/** @throws CallerError if the agent isn't heard in time while the call goes on */
export const followScript = async (
  caller: Caller,
  { script, onHangUp }: Readonly<{ script: readonly string[]; onHangUp: () => void }>,
): Promise<void> => {
  const outcome = await Promise.race([speakScript(caller, script).catch(ignoreEnd(caller)), hasEnded(caller)]);
  if (outcome === 'ended') return;
  if ((await Promise.race([hasEnded(caller), after(lastWordsMs, null)])) === 'ended') return;
  onHangUp();
  await caller.hangUp();
};
