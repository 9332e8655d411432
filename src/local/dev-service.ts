/** The service of `npm run dev`, as dev.ts starts it: with sample data, the call page, and a file that says where it runs. */
import { once } from 'node:events';
import { loadConfig, requireCallConfig, type CallConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { startService, type Service } from '../service.ts';
import { callPage } from './call-page/call-page.ts';
import { publishDevState } from './dev-state.ts';
import { print, runMain } from './run-main.ts';
import { sampleNumber, seed } from './seed.ts';

const banner = ({ url }: Service, number: string, isLocal: boolean): string => `
telephony-agent is up at ${url}

  Call the agent   ${
    isLocal
      ? `${url}/call in a browser, or\n                   npm run cli -- call --say "What are your opening hours?"`
      : number
  }
  API docs         ${url}/docs
  Health           ${url}/api/v1/webhooks/health
  Stop             Ctrl-C
`;

const start = async (config: CallConfig, stack: AsyncDisposableStack): Promise<Service> => {
  const number = config.phoneNumber ?? sampleNumber;
  const { livekit, databaseUrl, agentName } = config;
  const page = { livekit, agentName, number, isSttSimulated: process.env.LOCAL_STT_SIMULATED === '1' };
  const service = stack.use(
    await startService({
      config,
      env: process.env,
      ...(config.isLocal && { extend: (app) => void app.register(callPage(page)) }),
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

await runMain(async (signal) => {
  const stopped = signal.aborted ? Promise.resolve() : once(signal, 'abort');
  await using stack = new AsyncDisposableStack();
  const service = await start(requireCallConfig(loadConfig(process.env)), stack);
  const failed = service.failed.then((why) => Promise.reject(new AppError('local_mode', `The service failed: ${why}`)));
  await Promise.race([stopped, failed]);
});
