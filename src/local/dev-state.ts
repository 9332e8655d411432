/** Where the running `npm run dev` is, for other commands of the same user on the same machine. Holds keys: readable by its owner only. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../errors.ts';

const devState = z.object({
  url: z.string(),
  number: z.string(),
  databaseUrl: z.string(),
  livekit: z.object({ url: z.string(), apiKey: z.string(), apiSecret: z.string() }),
  /** The simulated providers' control; null where all are real. */
  controlUrl: z.string().nullable(),
});
export type DevState = z.infer<typeof devState>;

const pathOf = (port: number): string => join(tmpdir(), `telephony-agent-dev-${userInfo().uid}-${port}.json`);

/** Writes the state for as long as it is not disposed. */
export const publishDevState = async (port: number, state: DevState): Promise<AsyncDisposable> => {
  const path = pathOf(port);
  await rm(path, { force: true });
  await writeFile(path, JSON.stringify(state), { mode: 0o600, flag: 'wx' });
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
};

/** @throws AppError `local_mode` where no `npm run dev` is up on this port */
export const readDevState = async (port: number): Promise<DevState> => {
  const text = await readFile(pathOf(port), 'utf8').catch(() => null);
  if (text === null)
    throw new AppError('local_mode', `No npm run dev is up on port ${port}: start it first, in another terminal.`);
  return devState.parse(JSON.parse(text));
};

const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => ok,
    () => false,
  );

/** The `npm run dev` that is up on this port, with its own LiveKit; null where none is (one that was killed leaves its note). */
export const findDevState = async (port: number): Promise<DevState | null> => {
  const state = await readDevState(port).catch((error: unknown) => {
    if (error instanceof AppError) return null;
    throw error;
  });
  if (state === null) return null;
  const isUp = await Promise.all([`${state.url}/livez`, state.livekit.url.replace(/^ws/, 'http')].map(answers));
  return isUp.every(Boolean) ? state : null;
};

/** Tells the simulated transcription what it is about to hear; a real one hears for itself. */
export const announceUtterances = async (
  state: Pick<DevState, 'controlUrl'>,
  lines: readonly string[],
): Promise<void> => {
  if (state.controlUrl === null) return;
  for (const text of lines) {
    const response = await fetch(`${state.controlUrl}/utterances`, { method: 'POST', body: JSON.stringify({ text }) });
    if (!response.ok) throw new Error(`the simulated providers answered ${response.status}`);
  }
};
