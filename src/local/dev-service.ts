/** The service of `npm run dev`, as dev.ts starts it: with sample data, the call page, and a note of where it is. */
import { seed } from './seed.ts';
import { loadConfig, requireCallConfig, type CallConfig } from '../config.ts';
import { AppError, describeError } from '../errors.ts';
import { startService, type Service } from '../service.ts';
import { callPage } from './call-page/call-page.ts';
import { publishDevState } from './dev-state.ts';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const banner = (service: Service, number: string, isLocal: boolean): string => `
telephony-agent is up.
  API              ${service.url}/docs
  Call in          ${isLocal ? `${service.url}/call, or: npm run cli -- call --say "What are your opening hours?"` : `dial ${number}`}
  Health           ${service.url}/api/v1/webhooks/health
  Stop             Ctrl-C
`;

const start = async (config: CallConfig, stack: AsyncDisposableStack): Promise<Service> => {
  const number = config.phoneNumber ?? '+18588796658';
  const { livekit, databaseUrl } = config;
  const service = stack.use(
    await startService({
      config,
      env: process.env,
      ...(config.isLocal && {
        extend: (app) => void app.register(callPage({ livekit, agentName: config.agentName, number })),
      }),
    }),
  );
  await seed(service.ctx.db, { number });
  if (config.isLocal) {
    const controlUrl = process.env.LOCAL_CONTROL_URL ?? null;
    stack.use(await publishDevState(config.port, { url: service.url, number, databaseUrl, livekit, controlUrl }));
  }
  await Promise.race([service.ready, service.failed]);
  print(banner(service, number, config.isLocal));
  return service;
};

const run = async (): Promise<void> => {
  const stop = Promise.withResolvers<void>();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.resolve());
  await using stack = new AsyncDisposableStack();
  const service = await start(requireCallConfig(loadConfig(process.env)), stack);
  await Promise.race([stop.promise, service.failed.then((why) => Promise.reject(new AppError('local_mode', why)))]);
};

try {
  await run();
} catch (error) {
  process.stderr.write(`${error instanceof AppError ? error.message : describeError(error)}\n`);
  process.exitCode = 1;
}
