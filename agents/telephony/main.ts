/**
 * The call host. LiveKit's worker forks it before it is needed (prewarm) and gives it one call (entry). It owns no data and no
 * credentials: its configuration comes over the agent link, and it reports everything that happens over the same link.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AutoSubscribe, defineAgent, type JobContext } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';
import { describeError } from '#src/errors.ts';
import { openLog } from '#src/log.ts';
import { takeCall, type Warm as WarmParts } from './call.ts';
import { takeOverFrameworkLog } from '#src/framework/logger.ts';
import { openAgentLink } from './report/agent-link.ts';
import { keepConnections } from './warm-up/connections.ts';
import { warmUp } from './warm-up/warm-up.ts';
import { warmVad } from './session/session.ts';

const stopWithinMs = 1_000;
/** The warm-up starts only after this time: a caller who was waiting for a host has been given this one by then. */
const warmUpAfterMs = 500;

/** `called` is aborted when a call arrives, which stops the warm-up. */
type Warm = WarmParts & { called: AbortController };

const prewarm = async (socketPath: string | undefined): Promise<Warm> => {
  if (socketPath === undefined) throw new Error('TELEPHONY_LINK is not set: only the service starts call hosts');
  const link = await openAgentLink(socketPath);
  const log = openLog({ ...link.init.log, name: 'call' });
  takeOverFrameworkLog(log, link.init.log);
  process.on('unhandledRejection', (error) => {
    log.error({ err: error }, 'unhandled rejection');
    link.report({ kind: 'failure', part: 'session', detail: describeError(error).slice(0, 200) });
  });
  keepConnections();
  const vad = await warmVad(() => new AudioFrame(new Int16Array(1_600), 16_000, 1, 1_600));
  link.lost.addEventListener('abort', stopSoon);
  link.ready();
  const warm = { link, log, vad, called: new AbortController() };
  warmUpUnlessCalled(warm).catch((error: unknown) => log.warn({ err: error }, 'warm-up failed'));
  return warm;
};

const warmUpUnlessCalled = async ({ link, vad, log, called }: Warm): Promise<void> => {
  const isFree = await sleep(warmUpAfterMs, true, { signal: called.signal }).catch(() => false);
  if (!isFree) return;
  const isSaid = await warmUp(link.init.warmUpJob, vad, log, called.signal);
  if (!isSaid && !called.signal.aborted) log.warn('the warm-up got no reply: first replies will be slow');
};

/**
 * Called when the service is gone. `takeCall` shuts a running call down. If the process is still alive after a second, it is killed; the
 * framework would keep an idle process for 15 s. `process.exit` would run native destructors, which may hang.
 */
const stopSoon = (): void => {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), stopWithinMs);
};

const warmed = new WeakMap<object, Warm>();

export default defineAgent({
  prewarm: async (proc) => {
    try {
      warmed.set(proc, await prewarm(process.env['TELEPHONY_LINK']));
    } catch (error) {
      // The framework logs a failed prewarm at debug level only.
      const line = { level: 50, time: new Date().toISOString(), name: 'call', msg: 'prewarm failed' };
      process.stderr.write(`${JSON.stringify({ ...line, err: describeError(error) })}\n`);
      throw error;
    }
  },
  entry: async (ctx: JobContext) => {
    const startedAt = performance.now();
    const warm = warmed.get(ctx.proc);
    if (warm === undefined) throw new Error('the process was not prewarmed');
    warm.called.abort();
    takeOverFrameworkLog(warm.log, warm.link.init.log);
    await ctx.connect(undefined, AutoSubscribe.AUDIO_ONLY);
    // Not awaited: the framework shuts a job down quickly only if its entry has returned.
    const call = takeCall(ctx, warm, startedAt);
    ctx.addShutdownCallback(() => call);
  },
});
