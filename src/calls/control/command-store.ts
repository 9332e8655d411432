/** The orders of people for the agents of running calls, as they lie in the database. */
import type { DbClient } from '../../database/open.ts';

/** The order of a person for the agent of a call; to be taken by the service that has the call's link. */
export type Command = Readonly<{ id: string; callId: string; type: 'end' | 'say' | 'transfer'; text: string | null }>;

/** What has been ordered for the open calls of this owner, the oldest first; each is given out once. */
export const takeCommands = async (db: DbClient, ownerId: string, now: Date): Promise<Command[]> => {
  const waiting = await db.callCommand.findMany({
    where: { takenAt: null, call: { ownerId, openRoom: { not: null } } },
    orderBy: { createdAt: 'asc' },
    select: { id: true, callId: true, type: true, text: true },
  });
  const taken: Command[] = [];
  for (const command of waiting) {
    const { count } = await db.callCommand.updateMany({
      where: { id: command.id, takenAt: null },
      data: { takenAt: now },
    });
    if (count === 1) taken.push(command);
  }
  return taken;
};
