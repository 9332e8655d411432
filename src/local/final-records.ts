/** The final records of a call, as the demo and the command line print them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { callWithRecords } from '../calls/store.ts';
import type { DbClient } from '../database/open.ts';
import { AppError } from '../errors.ts';

type Found = NonNullable<Awaited<ReturnType<typeof callWithRecords>>>;
export type CallRecords = Readonly<{
  call: Found['call'];
  lead: Found['lead'];
  transcript: Readonly<{ role: string; text: string }>[];
}>;

const pollMs = 100;

/**
 * Waits until the newest call of a room is final.
 * @throws AppError if it isn't after `timeoutMs`, or there is none
 */
export const waitForFinalRecords = async (db: DbClient, roomName: string, timeoutMs: number): Promise<CallRecords> => {
  for (const deadline = Date.now() + timeoutMs; ; await sleep(pollMs)) {
    const found = await callWithRecords(db, roomName);
    if (found !== null && found.call.openRoom === null) {
      const transcript = found.turns.flatMap(({ role, text }) => (role === 'tool' ? [] : [{ role, text }]));
      return { call: found.call, lead: found.lead, transcript };
    }
    if (Date.now() > deadline)
      throw new AppError(
        'local_mode',
        found === null
          ? 'The call was not recorded.'
          : `The call is over, but its record is still ${found.call.status} after ${timeoutMs / 1000} s.`,
      );
  }
};
