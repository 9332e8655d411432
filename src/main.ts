/** `npm start`: runs the service on its configuration. Nothing is simulated. */
import { existsSync } from 'node:fs';
import { loadConfig, requireCallConfig } from './config.ts';
import { AppError, describeError } from './errors.ts';
import { startService } from './service.ts';
import { version } from './version.ts';

const run = async (): Promise<void> => {
  if (process.argv.includes('--version')) return void process.stdout.write(`${version}\n`);
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config = requireCallConfig(loadConfig(process.env));
  const stop = Promise.withResolvers<string>();
  const secondSignal = Promise.withResolvers<void>();
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    signals += 1;
    if (signals === 1) stop.resolve(signal);
    else secondSignal.resolve();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  await using service = await startService({ config, env: process.env });
  const { log } = service.ctx;
  log.info({ url: service.url, agentName: config.agentName }, 'service started');
  const reason = await Promise.race([stop.promise, service.failed.then((failure) => `failed: ${failure}`)]);
  log.info({ reason, activeCalls: service.activeCalls() }, 'service stopping');
  if (reason.startsWith('failed')) process.exitCode = 1;
  await Promise.race([service.drain(), secondSignal.promise]);
};

try {
  await run();
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  if (!(error instanceof AppError) && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  process.exitCode = 1;
}
