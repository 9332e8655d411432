/** Asks for a password on the terminal, which doesn't show it. */
import { once } from 'node:events';
import type { ReadStream } from 'node:tty';
import { AppError } from '../errors.ts';

const ctrlC = '\u0003';
const ctrlD = '\u0004';
const erasers = new Set(['\u007f', '\b']);

type Line = { text: string; isDone: boolean };

/** Takes one key of a line into it. */
const take = (line: Line, key: string): void => {
  if (key === ctrlC || key === ctrlD) throw new AppError('malformed', 'No password was given.');
  if (key === '\r' || key === '\n') line.isDone = true;
  else if (erasers.has(key)) line.text = [...line.text].slice(0, -1).join('');
  else line.text += key;
};

/** @throws AppError `malformed` where it is given up */
export const askPassword = async (
  prompt: string,
  terminal: ReadStream,
  print: (text: string) => void,
): Promise<string> => {
  print(prompt);
  const line: Line = { text: '', isDone: false };
  terminal.setRawMode(true);
  terminal.setEncoding('utf8');
  terminal.resume();
  try {
    while (!line.isDone) {
      const [keys] = (await once(terminal, 'data')) as [string];
      for (const key of keys) if (!line.isDone) take(line, key);
    }
    return line.text;
  } finally {
    terminal.setRawMode(false);
    terminal.pause();
    print('\n');
  }
};
