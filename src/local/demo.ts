/**
 * `npm run demo`: a newcomer's first minute. Starts everything on this machine, phones it with a simulated caller, prints the
 * conversation as it happens, then the records. The last line is JSON. Exit code 0 only if the call was completed.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seed } from './seed.ts';
import type { FeedItem } from '../feed/call-feed.ts';
import { loadConfig, requireCallConfig } from '../config.ts';
import { AppError, describeError } from '../errors.ts';
import { startService, type Service } from '../service.ts';
import { version } from '../version.ts';
import { closeRtc, dial } from '../simulators/caller/caller.ts';
import { loadDemoScript } from './demo-script.ts';
import { waitForFinalRecords, type CallRecords } from './final-records.ts';
import { followScript } from '../simulators/caller/scripted-caller.ts';
import { formatTurn } from './turn-printer.ts';
import { freePort } from './livekit/free-port.ts';
import { startDevStack, type DevStack } from './dev-stack.ts';

const readyTimeoutMs = 60_000;
const recordsTimeoutMs = 15_000;
const callerNumber = '+15551234567';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const run = async (signal: AbortSignal): Promise<void> => {
  if (process.argv.includes('--version')) return print(version);
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-demo-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  if (existsSync('.env')) process.loadEnvFile('.env');
  const around = stack.use(
    await startDevStack({
      env: process.env,
      port: await freePort(),
      databaseUrl: `file:${join(folder, 'demo.db')}`,
      progress: print,
      signal,
    }),
  );
  const config = requireCallConfig(loadConfig({ ...around.env, LOG_LEVEL: process.env.LOG_LEVEL ?? 'error' }));
  const service = stack.use(await startService({ config, env: process.env }));
  const number = config.phoneNumber ?? '+18588796658';
  await seed(service.ctx.db, { number });
  print('Service: starting its worker and warming call processes …');
  await orStopped(within(service.ready, readyTimeoutMs, 'the worker was ready'), signal, service);
  print(`Service: ready at ${service.url}. ${callerNumber} dials ${number}.\n`);
  const records = await orStopped(holdCall(service, around, number), signal, service);
  await report(records);
};

const holdCall = async (service: Service, around: DevStack, number: string): Promise<CallRecords> => {
  const stopPrinting = service.ctx.feed.subscribe(printItem);
  await using caller = await dial({
    ...around.livekit,
    from: callerNumber,
    to: number,
    sipInbound: { url: `${service.url}/api/v1/webhooks/livekit/sip-inbound` },
  });
  await followScript(caller, { script: await loadDemoScript(), onHangUp: () => print('  (the caller hangs up)') });
  const final = await waitForFinalRecords(service.ctx.db, caller.call.room, recordsTimeoutMs);
  stopPrinting();
  return final;
};

const printItem = (item: FeedItem): void => {
  if (item.kind === 'status')
    return print(`  (${item.status.replace('_', ' ')}${item.endReason === null ? '' : `: ${item.endReason}`})`);
  const { event } = item;
  if (event.kind === 'failure') return print(`  (trouble with ${event.part}: ${event.detail})`);
  if (event.kind !== 'turn') return;
  print(formatTurn(event.turn));
};

/** Prints the records; throws where the call is not what it should have been. */
const report = (records: CallRecords): Promise<void> => {
  const { call, lead, transcript } = records;
  print(`\nCall  ${call.callSid}: ${call.status}, ${String(call.duration)} s, ${String(call.endReason)}`);
  print(`Lead  ${lead?.name ?? 'none'}: ${lead?.status ?? '–'}, ${lead?.attempts ?? 0} attempt(s)`);
  const spoken = (role: string) => transcript.filter((turn) => turn.role === role).length;
  const problem =
    call.status !== 'completed'
      ? `the call is ${call.status}`
      : spoken('agent') < 2 || spoken('caller') < 2
        ? 'agent and caller did not both speak at least twice'
        : null;
  last = JSON.stringify({ call, lead, transcript });
  return problem === null
    ? Promise.resolve()
    : Promise.reject(new AppError('local_mode', `The demo failed: ${problem}.`));
};

let last: string | null = null;

const within = async <T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> => {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new AppError('local_mode', `${timeoutMs / 1000} s passed before ${what}.`)),
    timeoutMs,
  );
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
};

const orStopped = <T>(promise: Promise<T>, signal: AbortSignal, service: Service): Promise<T> => {
  const stopped = Promise.withResolvers<never>();
  const reject = () => stopped.reject(new AppError('local_mode', 'Stopped.'));
  if (signal.aborted) reject();
  signal.addEventListener('abort', reject, { once: true });
  const failed = service.failed.then((why) => Promise.reject(new AppError('local_mode', `The service failed: ${why}`)));
  return Promise.race([promise, stopped.promise, failed]);
};

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort());
try {
  await run(stop.signal);
} catch (error) {
  process.stderr.write(`${error instanceof AppError ? error.message : describeError(error)}\n`);
  process.exitCode = 1;
}
await closeRtc();
if (last !== null) print(last);
