/** The final records of a call, as the demo and the command line show them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DbClient } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { callWithRecords } from '../calls/store.ts';

export type CallRecords = Readonly<{
  call: NonNullable<Awaited<ReturnType<typeof callWithRecords>>>['call'];
  lead: NonNullable<Awaited<ReturnType<typeof callWithRecords>>>['lead'];
  transcript: Readonly<{ role: string; text: string }>[];
}>;

const lookEveryMs = 100;

/**
 * Waits until the last call of a room is final.
 * @throws AppError where it isn't after `timeoutMs`, or where there is none
 */
export const waitForFinalRecords = async (db: DbClient, roomName: string, timeoutMs: number): Promise<CallRecords> => {
  for (const until = Date.now() + timeoutMs; ; await sleep(lookEveryMs)) {
    const found = await callWithRecords(db, roomName);
    const isFinal = found !== null && found.call.openRoom === null;
    if (isFinal) {
      const transcript = found.turns.flatMap(({ role, text }) => (role === 'tool' ? [] : [{ role, text }]));
      return { call: found.call, lead: found.lead, transcript };
    }
    if (Date.now() > until)
      throw new AppError(
        'local_mode',
        found === null ? 'The call has no record.' : `The call's record stays ${found.call.status}.`,
      );
  }
};
