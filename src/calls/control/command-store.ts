/** Commands for the agents of running calls, in the database. */
import type { DbClient } from '../../database/open.ts';

/** A person's command for the agent of a call, taken by the service that owns the call. */
export type Command = Readonly<{ id: string; callId: string; type: 'end' | 'say' | 'transfer'; text: string | null }>;

/** The commands waiting for an owner's open calls, the oldest first. Each is returned once. */
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
