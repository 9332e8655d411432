/** Prompts for a password on the terminal, without echoing it. */
import { once } from 'node:events';
import type { ReadStream } from 'node:tty';
import { AppError } from '../errors.ts';

const ctrlC = '\u0003';
const ctrlD = '\u0004';
const backspaces = new Set(['\u007f', '\b']);

type Line = { text: string; isDone: boolean };

/** Applies a key press to the line. @throws AppError `malformed` for Ctrl+C and Ctrl+D */
const applyKey = (line: Line, key: string): void => {
  if (key === ctrlC || key === ctrlD) throw new AppError('malformed', 'No password was given.');
  if (key === '\r' || key === '\n') line.isDone = true;
  else if (backspaces.has(key)) line.text = [...line.text].slice(0, -1).join('');
  else line.text += key;
};

/** @throws AppError `malformed` if the user aborts */
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
      for (const key of keys) if (!line.isDone) applyKey(line, key);
    }
    return line.text;
  } finally {
    terminal.setRawMode(false);
    terminal.pause();
    print('\n');
  }
};
