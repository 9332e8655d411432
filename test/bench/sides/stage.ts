/** What both sides of a speech benchmark share: one LiveKit server, one set of simulated providers, one database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDb } from '#src/database/open.ts';
import { closeRtc } from '#src/simulators/caller/caller.ts';
import type { Providers, ScenarioInput } from '#src/simulators/providers/server.ts';
import { defaultDelays } from '#src/simulators/providers/simulation/delays.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { startDevStack, type DevStack } from '#src/local/dev-stack.ts';
import { seedTenant } from '#test/support/context.ts';

export const dialed = '+18588796658';
export const callerNumber = '+15551234567';

/** What the providers take, from the end of speech to the reply's first sound. */
export const providersMs = defaultDelays.finalDelayMs + defaultDelays.firstTokenMs + defaultDelays.speechFirstByteMs;

export type Stage = AsyncDisposable &
  Readonly<{
    livekit: DevStack['livekit'];
    providers: Providers;
    /** The environment that the service is started with. */
    serviceEnv: Readonly<Record<string, string>>;
  }>;

const settled = (env: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));

/** Opens the stage. The campaign greets with `greeting`; `campaign` holds its other settings. */
export const openStage = async (options: {
  scenario: ScenarioInput;
  greeting: string;
  campaign?: Record<string, unknown>;
  progress: (line: string) => void;
}): Promise<Stage> => {
  await using stack = new AsyncDisposableStack();
  stack.defer(closeRtc);
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const databaseUrl = `file:${join(folder, 'bench.db')}`;
  const around = stack.use(
    await startDevStack({
      env: { PATH: process.env.PATH, HOME: process.env.HOME, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME },
      port: await freePort(),
      databaseUrl,
      simulators: { scenarios: [options.scenario], delays: defaultDelays },
      progress: options.progress,
    }),
  );
  if (around.providers === null) throw new Error('a benchmark needs simulated providers');
  options.progress(`Providers: ${JSON.stringify(defaultDelays)}`);
  {
    await using db = await openDb(databaseUrl);
    const campaign = {
      agentName: 'telephony-agent',
      greeting: options.greeting,
      prompt: 'You are a helpful voice AI assistant.',
      maxConcurrent: 1_000,
      ...options.campaign,
    };
    await seedTenant(db, { number: dialed, campaign });
  }
  const opened = stack.move();
  return {
    livekit: around.livekit,
    providers: around.providers,
    serviceEnv: settled({
      ...around.env,
      ...{ LOCAL_MODE: undefined, LOG_LEVEL: 'info' },
      // All calls of a benchmark come from one caller.
      CALLS_PER_CALLER_PER_MINUTE: '0',
    }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};
