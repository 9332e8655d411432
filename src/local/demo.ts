/**
 * `npm run demo`: a first impression. Starts everything on this machine, calls the agent with a simulated caller, and prints the
 * conversation as it happens, then its records. The last line is JSON. The exit code is 0 only if the call was completed.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, requireCallConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import type { FeedItem } from '../feed/call-feed.ts';
import { startService, type Service } from '../service.ts';
import { closeRtc, dial } from '../simulators/caller/caller.ts';
import { followScript } from '../simulators/caller/scripted-caller.ts';
import { version } from '../version.ts';
import { loadDemoScript } from './demo-script.ts';
import { startDevStack, type DevStack } from './dev-stack.ts';
import { waitForFinalRecords, type CallRecords } from './final-records.ts';
import { freePort } from './livekit/free-port.ts';
import { print, runMain } from './run-main.ts';
import { sampleNumber, seed } from './seed.ts';
import { formatCallEvent, formatTurn } from './turn-printer.ts';

const readyTimeoutMs = 60_000;
const recordsTimeoutMs = 15_000;
const callerNumber = '+15551234567';

/** Makes the call, and stops everything again. */
const runDemo = async (signal: AbortSignal): Promise<CallRecords> => {
  await using stack = new AsyncDisposableStack();
  stack.defer(closeRtc);
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-demo-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const devStack = stack.use(
    await startDevStack({
      env: process.env,
      port: await freePort(),
      databaseUrl: `file:${join(folder, 'demo.db')}`,
      progress: print,
      signal,
    }),
  );
  const config = requireCallConfig(loadConfig({ ...devStack.env, LOG_LEVEL: process.env.LOG_LEVEL ?? 'error' }));
  const service = stack.use(await startService({ config, env: process.env }));
  const number = config.phoneNumber ?? sampleNumber;
  await seed(service.ctx.db, { number });
  print('Service: starting…');
  await unlessStopped(whenReady(service), signal, service);
  print(`Service: ready at ${service.url}\n`);
  print(`A simulated caller (${callerNumber}) calls ${number}:\n`);
  return await unlessStopped(makeCall(service, devStack, number), signal, service);
};

const whenReady = async (service: Service): Promise<void> => {
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const message = `The service was not ready within ${readyTimeoutMs / 1000} s.`;
  const timer = setTimeout(() => reject(new AppError('local_mode', message)), readyTimeoutMs);
  await Promise.race([service.ready, timeout]).finally(() => clearTimeout(timer));
};

const unlessStopped = <T>(promise: Promise<T>, signal: AbortSignal, service: Service): Promise<T> => {
  const stopped = Promise.withResolvers<never>();
  const reject = () => stopped.reject(new AppError('local_mode', 'Stopped.'));
  if (signal.aborted) reject();
  signal.addEventListener('abort', reject, { once: true });
  const failed = service.failed.then((why) => Promise.reject(new AppError('local_mode', `The service failed: ${why}`)));
  return Promise.race([promise, stopped.promise, failed]);
};

const makeCall = async (service: Service, { livekit }: DevStack, number: string): Promise<CallRecords> => {
  const stopPrinting = service.ctx.feed.subscribe(printItem);
  await using caller = await dial({
    ...livekit,
    from: callerNumber,
    to: number,
    sipInbound: { url: `${service.url}/api/v1/webhooks/livekit/sip-inbound` },
  });
  const onHangUp = () => print(formatCallEvent('the caller hangs up'));
  await followScript(caller, { script: await loadDemoScript(), onHangUp });
  const records = await waitForFinalRecords(service.ctx.db, caller.call.room, recordsTimeoutMs);
  stopPrinting();
  return records;
};

const parts = {
  stt: 'speech-to-text',
  llm: 'language model',
  tts: 'text-to-speech',
  tool: 'tool',
  room: 'room',
  session: 'session',
} as const;

const printItem = (item: FeedItem): void => {
  if (item.kind === 'status') {
    const reason = item.endReason === null ? '' : ` (${item.endReason})`;
    return print(formatCallEvent(`${item.status.replace('_', ' ')}${reason}`));
  }
  const { event } = item;
  if (event.kind === 'failure') print(formatCallEvent(`${parts[event.part]} failed: ${event.detail}`));
  if (event.kind === 'turn') print(formatTurn(event.turn));
};

/** @throws AppError if the call did not go as it should */
const report = ({ call, lead, transcript }: CallRecords): void => {
  print(`\nCall: ${call.status} after ${call.duration ?? 0} s (${call.endReason ?? 'no end reason'})`);
  print(
    lead === null
      ? 'Lead: none'
      : `Lead: ${lead.name ?? lead.phoneNumber}, ${lead.status}, ${lead.attempts} attempt${lead.attempts === 1 ? '' : 's'}`,
  );
  print(`\nThe records as JSON:\n${JSON.stringify({ call, lead, transcript })}`);
  const turnsOf = (role: string) => transcript.filter((turn) => turn.role === role).length;
  if (call.status !== 'completed') throw new AppError('local_mode', `The demo failed: the call is ${call.status}.`);
  if (turnsOf('agent') < 2 || turnsOf('caller') < 2)
    throw new AppError('local_mode', 'The demo failed: agent and caller did not both speak at least twice.');
};

await runMain(async (signal) => {
  if (process.argv.includes('--version')) return print(version);
  if (existsSync('.env')) process.loadEnvFile('.env');
  report(await runDemo(signal));
});
