/**
 * The thread that runs LiveKit's AgentServer. Its children exit when it hasn't pinged them for 15 s, so nothing that could block
 * runs here: no database, no HTTP. Nor does rtc-node, which only one thread of a process may use.
 */
import { AgentServer, initializeLogger, ServerOptions } from '@livekit/agents';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { describeError } from '../errors.ts';
import { patchFramework } from '../framework/agent-server.ts';
import { considerJob, drainJobs, reportedLoad, openJobs, type Jobs, type Send } from './jobs.ts';
import type { ThreadInput, ToThread } from './messages.ts';

const closeRetryMs = 250;

const optionsOf = (input: ThreadInput, jobs: Jobs, send: Send): ServerOptions =>
  new ServerOptions({
    agent: input.agentFile,
    agentName: input.agentName,
    wsURL: input.livekit.url.replace(/^http/, 'ws'),
    apiKey: input.livekit.apiKey,
    apiSecret: input.livekit.apiSecret,
    production: false, // affects defaults only; if true, health port 0 would mean 8081
    host: '127.0.0.1',
    port: 0,
    numIdleProcesses: input.idleProcesses,
    loadThreshold: 0.999,
    loadFunc: (server) => Promise.resolve(reportedLoad(jobs, server.activeJobs.length, input.maxJobs)),
    requestFunc: (request) => considerJob(jobs, request, send),
    initializeProcessTimeout: 60_000,
    shutdownProcessTimeout: 10_000,
    sessionEndTimeout: 20_000,
    maxRetry: Infinity,
    logLevel: input.logLevel,
  });

/** Closes the server. Before run() has fully started, close() never resolves; calling it again does close the server. */
const close = async (server: AgentServer): Promise<void> => {
  let isClosed = false;
  while (!isClosed) {
    const closed = server.close().then(() => true);
    isClosed = await Promise.race([closed, sleep(closeRetryMs, false)]);
  }
};

const run = async (port: MessagePort, input: ThreadInput): Promise<void> => {
  const send: Send = (message) => port.postMessage(message);
  const onFailure = (error: unknown): void => send({ type: 'failure', detail: describeError(error) });
  const jobs = openJobs();
  initializeLogger({ pretty: false, level: input.logLevel });
  const options = optionsOf(input, jobs, send);
  await patchFramework(options, jobs.launches, () => send({ type: 'disconnected' }));
  const server = new AgentServer(options);
  server.event.on('worker_registered', (workerId: string) => send({ type: 'registered', workerId }));
  server.run().catch(onFailure);
  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'ready':
        jobs.readyHosts = message.hosts;
        return;
      case 'drain':
        drainJobs(jobs)
          .then(() => {
            send({ type: 'drained' });
            return server.drain();
          })
          // It rejects while a process is still initializing ("runner not started"); the reported load then keeps jobs away.
          .catch(onFailure);
        return;
      case 'close':
        close(server)
          .catch(onFailure)
          .finally(() => {
            send({ type: 'closed' });
            port.close();
          });
    }
  });
};

if (parentPort === null) throw new Error('worker/thread.ts must run in a worker thread.');
await run(parentPort, workerData as ThreadInput);
