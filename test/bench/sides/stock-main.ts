/** The worker of stock-agent.ts, as the framework's command `start` runs it, configured by the environment. */
import { once } from 'node:events';
import { join } from 'node:path';
import { AgentServer, initializeLogger, ServerOptions } from '@livekit/agents';

const { LIVEKIT_URL = '', LIVEKIT_API_KEY, LIVEKIT_API_SECRET, STOCK_PORT } = process.env;
const { STOCK_IDLE_PROCESSES, STOCK_TAKES_EVERY_CALL } = process.env;

initializeLogger({ pretty: false, level: 'info' });
const server = new AgentServer(
  new ServerOptions({
    agent: join(import.meta.dirname, 'stock-agent.ts'),
    agentName: 'stock-agent',
    wsURL: LIVEKIT_URL,
    ...(LIVEKIT_API_KEY !== undefined && { apiKey: LIVEKIT_API_KEY }),
    ...(LIVEKIT_API_SECRET !== undefined && { apiSecret: LIVEKIT_API_SECRET }),
    production: true,
    host: '127.0.0.1',
    port: Number(STOCK_PORT),
    ...(STOCK_IDLE_PROCESSES !== undefined && { numIdleProcesses: Number(STOCK_IDLE_PROCESSES) }),
    // By default the load is the host's CPU, and a busy worker takes no calls.
    ...(STOCK_TAKES_EVERY_CALL !== undefined && { loadFunc: () => Promise.resolve(0) }),
  }),
);
const running = server.run();
await Promise.race([running, once(process, 'SIGTERM')]);
await server.close();
await running;
