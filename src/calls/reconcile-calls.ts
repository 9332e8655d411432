/** Open calls whose room is gone without a word: their records get their end from LiveKit's own state, never from the clock alone. */
import type { Context } from '../context.ts';
import { recordFact } from './record-event.ts';
import { findOpenRooms } from './store.ts';

/** A room is made a moment after its call was told of. */
const youngMs = 30_000;

type ReconcileContext = Pick<Context, 'db' | 'livekit' | 'log' | 'feed' | 'now'>;

/** Opens the reconciler. Each call of it looks once; a call ends whose room is missing at two looks in a row. */
export const openReconciler = (ctx: ReconcileContext): (() => Promise<void>) => {
  let missingBefore = new Set<string>();
  return async () => {
    const open = await findOpenRooms(ctx.db, new Date(ctx.now().getTime() - youngMs));
    const rooms = open.length === 0 ? new Set() : await ctx.livekit.existingRooms(open.map(({ roomName }) => roomName));
    const missing = open.filter(({ roomName }) => !rooms.has(roomName)).map(({ id }) => id);
    for (const id of missing.filter((one) => missingBefore.has(one)))
      await recordFact(ctx, id, { kind: 'lost', at: ctx.now(), reason: 'room_gone' });
    missingBefore = new Set(missing);
  };
};
