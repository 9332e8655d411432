/** What a call process tells of its call goes into the record. */
import type { Context } from '../../context.ts';
import { transaction } from '../../database/transaction.ts';
import type { Happening } from '../../protocol/messages.ts';
import type { Call } from '../call.ts';
import { recordFact } from '../record-fact.ts';
import { appendEvent, saveMessage, saveTimings, saveTurn } from '../store.ts';

type HappeningContext = Pick<Context, 'db' | 'log' | 'feed' | 'now'>;
/** As it was when its agent claimed it. */
type ClaimedCall = Pick<Call, 'id' | 'createdAt' | 'answeredAt'>;

/** Takes one happening into the record, and shows it to whoever watches. */
export const recordHappening = async (
  ctx: HappeningContext,
  call: ClaimedCall,
  happening: Happening,
): Promise<void> => {
  await save(ctx, call, happening);
  ctx.feed.publish({ kind: 'happening', callId: call.id, happening });
};

const save = async (ctx: HappeningContext, call: ClaimedCall, happening: Happening): Promise<void> => {
  const { db } = ctx;
  switch (happening.kind) {
    case 'answered':
      await recordFact(ctx, call.id, { kind: 'answered', at: new Date(happening.at) });
      return;
    case 'turn':
      return saveTurn(db, call, happening.turn);
    case 'message_taken':
      return saveMessage(db, call.id, { name: happening.name, number: happening.number, reason: happening.reason });
    case 'timing':
      // An agent that takes over a running call picks nothing up.
      if (call.answeredAt !== null) return;
      return transaction(db, (tx) => saveTimings(tx, call.id, timingsOf(call, happening)));
    case 'transfer_asked':
      return; // transferCaller keeps what becomes of it
    case 'trouble':
      ctx.log.warn({ callId: call.id, part: happening.part, detail: happening.detail }, 'trouble on a call');
      return appendEvent(db, call.id, 'trouble', { part: happening.part, detail: happening.detail });
    case 'ended': {
      const { reason, at } = happening;
      if (reason === 'agent_error') await appendEvent(db, call.id, 'fallback', { reason, how: 'message' });
      await recordFact(ctx, call.id, { kind: 'ended', source: 'link', at: new Date(at), reason, duration: null });
      return;
    }
  }
};

/** The stages as the process told them, since it was entered; and when that was, since the call came in. */
const timingsOf = (
  { createdAt }: ClaimedCall,
  { enteredAt, stages }: Extract<Happening, { kind: 'timing' }>,
): Record<string, number> => ({ ...stages, entered: Math.round(enteredAt - createdAt.getTime()) });
