/** Tells other commands of this user where the running `npm run dev` is. Contains keys: readable by its owner only. */
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
  /** The control endpoint of the simulated providers; null if all are real. */
  controlUrl: z.string().nullable(),
});
type DevState = z.infer<typeof devState>;

const pathOf = (port: number): string => join(tmpdir(), `telephony-agent-dev-${userInfo().uid}-${port}.json`);

/** Writes the state; disposing removes it. */
export const publishDevState = async (port: number, state: DevState): Promise<AsyncDisposable> => {
  const path = pathOf(port);
  await rm(path, { force: true });
  await writeFile(path, JSON.stringify(state), { mode: 0o600, flag: 'wx' });
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
};

/** @throws AppError `local_mode` if `npm run dev` isn't running on this port */
export const readDevState = async (port: number): Promise<DevState> => {
  const text = await readFile(pathOf(port), 'utf8').catch(() => null);
  if (text === null)
    throw new AppError(
      'local_mode',
      `npm run dev is not running on port ${port}. Start it in another terminal, or pass --port.`,
    );
  return devState.parse(JSON.parse(text));
};

const isResponding = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => ok,
    () => false,
  );

/** The state of the `npm run dev` that responds on this port; null if there is none. One that was killed leaves its file behind. */
export const findDevState = async (port: number): Promise<DevState | null> => {
  const state = await readDevState(port).catch((error: unknown) => {
    if (error instanceof AppError) return null;
    throw error;
  });
  if (state === null) return null;
  const urls = [`${state.url}/livez`, state.livekit.url.replace(/^ws/, 'http')];
  return (await Promise.all(urls.map(isResponding))).every(Boolean) ? state : null;
};

/** Tells the simulated speech-to-text what it is about to hear; a real one hears for itself. */
export const announceUtterances = async (
  { controlUrl }: Pick<DevState, 'controlUrl'>,
  utterances: readonly string[],
): Promise<void> => {
  if (controlUrl === null) return;
  for (const text of utterances) {
    const response = await fetch(`${controlUrl}/utterances`, { method: 'POST', body: JSON.stringify({ text }) });
    if (!response.ok) throw new Error(`The simulated providers responded with ${response.status}.`);
  }
};
