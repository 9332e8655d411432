/**
 * The thread in which LiveKit's AgentServer runs. Its children die when it doesn't ping them for 15 s, so nothing else runs here:
 * no database, no HTTP. Of rtc-node nothing is used here: one thread of a process only may.
 */
import { AgentServer, initializeLogger, ServerOptions } from '@livekit/agents';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { describeError } from '../errors.ts';
import { amendFramework } from '../framework/agent-server.ts';
import { considerJob, drainJobs, loadOf, openJobs, type Jobs, type Tell } from './jobs.ts';
import type { ThreadInput, ToThread } from './messages.ts';

const closeAgainMs = 250;

const optionsOf = (input: ThreadInput, jobs: Jobs, tell: Tell): ServerOptions =>
  new ServerOptions({
    agent: input.agentFile,
    agentName: input.agentName,
    wsURL: input.livekit.url.replace(/^http/, 'ws'),
    apiKey: input.livekit.apiKey,
    apiSecret: input.livekit.apiSecret,
    production: false, // decides defaults only; with true a health port of 0 would mean 8081
    host: '127.0.0.1',
    port: 0,
    numIdleProcesses: input.idleProcesses,
    loadThreshold: 0.999,
    loadFunc: (server) => Promise.resolve(loadOf(jobs, server.activeJobs.length, input.maxJobs)),
    requestFunc: (request) => considerJob(jobs, request, tell),
    initializeProcessTimeout: 60_000,
    shutdownProcessTimeout: 10_000,
    sessionEndTimeout: 20_000,
    maxRetry: Infinity,
    logLevel: input.logLevel,
  });

/**
 * Closes the server. While run() has not really begun close() waits for an end that nobody brings about; asked again it does what
 * it should.
 */
const close = async (server: AgentServer): Promise<void> => {
  let isClosed = false;
  while (!isClosed) {
    const closed = server.close().then(() => true);
    isClosed = await Promise.race([closed, sleep(closeAgainMs, false)]);
  }
};

const run = async (port: MessagePort, input: ThreadInput): Promise<void> => {
  const tell: Tell = (message) => port.postMessage(message);
  const trouble = (error: unknown): void => tell({ type: 'trouble', detail: describeError(error) });
  const jobs = openJobs();
  initializeLogger({ pretty: false, level: input.logLevel });
  const options = optionsOf(input, jobs, tell);
  await amendFramework(options, jobs.launches, () => tell({ type: 'disconnected' }));
  const server = new AgentServer(options);
  server.event.on('worker_registered', (workerId: string) => tell({ type: 'registered', workerId }));
  server.run().catch(trouble);
  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'ready':
        jobs.readyProcesses = message.processes;
        return;
      case 'drain':
        drainJobs(jobs)
          .then(() => {
            tell({ type: 'settled' });
            return server.drain();
          })
          // It rejects while a process is still initialising ("runner not started"); then the load says that we are full.
          .catch(trouble);
        return;
      case 'close':
        close(server)
          .catch(trouble)
          .finally(() => {
            tell({ type: 'closed' });
            port.close();
          });
    }
  });
};

if (parentPort === null) throw new Error('worker/thread.ts is a worker thread');
await run(parentPort, workerData as ThreadInput);
