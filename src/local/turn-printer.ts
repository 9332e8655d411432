/** Prints a call to the terminal as it happens. */
import { findTurnsOfRoom } from '../calls/store.ts';
import type { DbClient } from '../database/open.ts';

const pollMs = 250;

const formatLine = (label: string, text: string): string => `${label.padEnd(6)} │ ${text}`;

export const formatTurn = ({ role, text, interrupted }: { role: string; text: string; interrupted: boolean }): string =>
  formatLine(role, `${text}${interrupted ? ' …' : ''}`);

/** A line about the call itself, such as `call   │ ringing`. */
export const formatCallEvent = (text: string): string => formatLine('call', text);

/** Prints the turns in the database of a room's call until disposed; disposing prints the remaining ones. */
export const printTurns = (db: DbClient, roomName: string, print: (line: string) => void): AsyncDisposable => {
  let lastSeq = -1;
  let isStopped = false;
  const printNew = async (): Promise<void> => {
    for (const turn of await findTurnsOfRoom(db, roomName, lastSeq)) {
      print(formatTurn(turn));
      lastSeq = turn.seq;
    }
  };
  const poll = async (): Promise<void> => {
    while (!isStopped) {
      await printNew();
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    await printNew();
  };
  const polling = poll();
  return {
    [Symbol.asyncDispose]: () => {
      isStopped = true;
      return polling;
    },
  };
};
