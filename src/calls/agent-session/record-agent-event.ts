/** Records what a call host reports of its call. */
import type { Context } from '../../context.ts';
import { transaction } from '../../database/transaction.ts';
import type { AgentEvent } from '../../protocol/messages.ts';
import type { Call } from '../call.ts';
import { recordFact } from '../record-fact.ts';
import { appendEvent, saveMessage, saveTimings, saveTurn } from '../store.ts';

type EventContext = Pick<Context, 'db' | 'log' | 'feed' | 'now'>;
/** As it was when its agent claimed it. */
type ClaimedCall = Pick<Call, 'id' | 'createdAt' | 'answeredAt'>;

/** Records one event, and publishes it on the feed. */
export const recordAgentEvent = async (ctx: EventContext, call: ClaimedCall, event: AgentEvent): Promise<void> => {
  await save(ctx, call, event);
  ctx.feed.publish({ kind: 'agent_event', callId: call.id, event });
};

const save = async (ctx: EventContext, call: ClaimedCall, event: AgentEvent): Promise<void> => {
  const { db } = ctx;
  switch (event.kind) {
    case 'answered':
      await recordFact(ctx, call.id, { kind: 'answered', at: new Date(event.at) });
      return;
    case 'turn':
      return saveTurn(db, call, event.turn);
    case 'message_taken':
      return saveMessage(db, call.id, { name: event.name, number: event.number, reason: event.reason });
    case 'timing':
      // An agent that takes over a running call doesn't pick up.
      if (call.answeredAt !== null) return;
      return transaction(db, (tx) => saveTimings(tx, call.id, timingsOf(call, event)));
    case 'transfer_requested':
      return; // transferCaller records the outcome
    case 'failure':
      ctx.log.warn({ callId: call.id, part: event.part, detail: event.detail }, 'failure on a call');
      return appendEvent(db, call.id, 'failure', { part: event.part, detail: event.detail });
    case 'ended': {
      const { reason, at } = event;
      if (reason === 'agent_error') await appendEvent(db, call.id, 'fallback', { reason, how: 'message' });
      await recordFact(ctx, call.id, { kind: 'ended', source: 'link', at: new Date(at), reason, duration: null });
      return;
    }
  }
};

/** The stages as reported, since the job's entry; and when that was, since the call came in. */
const timingsOf = (
  { createdAt }: ClaimedCall,
  { enteredAt, stages }: Extract<AgentEvent, { kind: 'timing' }>,
): Record<string, number> => ({ ...stages, entered: Math.round(enteredAt - createdAt.getTime()) });
