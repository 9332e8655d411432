/**
 * A turn detector that decides when the caller's turn is over, rather than whether. The framework asks for a probability and then waits for
 * one of two fixed delays. So the prediction itself waits here, and always says that the turn is over. If the caller goes on meanwhile,
 * the framework ignores the result.
 * Upstream: a detector that returns how long to wait.
 */
import type { llm } from '@livekit/agents';
import { setTimeout as sleep } from 'node:timers/promises';

/** @param remainingMs how much longer the caller may be silent, in ms, given what they said and what the agent had said before */
export const createTurnDetector = (remainingMs: (said: string, agentSaid: string) => number) => ({
  model: 'words',
  provider: 'telephony-agent',
  supportsLanguage: () => Promise.resolve(true),
  unlikelyThreshold: () => Promise.resolve(0.5),
  predictEndOfTurn: async (context: llm.ChatContext): Promise<number> => {
    const messages = context.items.filter((item) => item.type === 'message');
    const said = messages.at(-1)?.textContent ?? '';
    const agentSaid = messages.findLast(({ role }) => role === 'assistant')?.textContent ?? '';
    const ms = remainingMs(said, agentSaid);
    if (ms > 0) await sleep(ms, undefined, { ref: false });
    return 1;
  },
});
