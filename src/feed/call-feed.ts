/** Live events of the calls of this process, for whoever watches them. */
import type { AgentEvent } from '../protocol/messages.ts';
import type { CallStatus } from '../protocol/call-status.ts';

export type FeedItem =
  | Readonly<{ kind: 'agent_event'; callId: string; event: AgentEvent }>
  | Readonly<{ kind: 'status'; callId: string; roomName: string; status: CallStatus; endReason: string | null }>;

export type CallFeed = Readonly<{
  publish: (item: FeedItem) => void;
  /** Returns what ends the subscription. A listener must not throw. */
  subscribe: (listener: (item: FeedItem) => void) => () => void;
}>;

export const createFeed = (): CallFeed => {
  const listeners = new Set<(item: FeedItem) => void>();
  return {
    publish: (item) => {
      for (const listener of listeners) listener(item);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};
