/** The frame around `npm run demo` and `npm run dev`: signals, errors and the exit code. */
import { AppError, describeError } from '../errors.ts';

/** Runs `main` with a signal that aborts on Ctrl-C and the like. An error is printed as one line; then the exit code is 1. */
export const runMain = async (main: (signal: AbortSignal) => Promise<void>): Promise<void> => {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort());
  try {
    await main(stop.signal);
  } catch (error) {
    process.stderr.write(`${error instanceof AppError ? error.message : describeError(error)}\n`);
    process.exitCode = 1;
  }
};

export const print = (line: string): void => void process.stdout.write(`${line}\n`);
