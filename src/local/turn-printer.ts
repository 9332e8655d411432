/** Prints the turns of a call while it goes on, as its records tell them. */
import { findTurnsOfRoom } from '../calls/store.ts';
import type { DbClient } from '../database/open.ts';

const lookEveryMs = 250;

/** How a turn looks in a terminal. */
export const formatTurn = ({ role, text, interrupted }: { role: string; text: string; interrupted: boolean }): string =>
  `${role.padEnd(6)} │ ${text}${interrupted ? ' …' : ''}`;

/** Prints until disposed, and then what is still to be printed. */
export const printTurns = (db: DbClient, roomName: string, print: (line: string) => void): AsyncDisposable => {
  let printed = -1;
  let isStopped = false;
  const look = async (): Promise<void> => {
    for (const turn of await findTurnsOfRoom(db, roomName, printed)) {
      print(formatTurn(turn));
      printed = turn.seq;
    }
  };
  const loop = async (): Promise<void> => {
    while (!isStopped) {
      await look();
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
    await look();
  };
  const done = loop();
  return {
    [Symbol.asyncDispose]: () => {
      isStopped = true;
      return done;
    },
  };
};
