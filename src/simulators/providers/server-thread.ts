/** The worker thread of `server.ts`: one HTTP server on loopback for all simulated services. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { WebSocketServer } from 'ws';
import { startThreadedSpeech } from '../speech/threaded-speech.ts';
import { answerRequest, answerUpgrade } from './routes.ts';
import { createScripts } from './scenario/script.ts';
import type { ThreadData } from './server.ts';
import { createFaultQueue } from './simulation/faults.ts';
import type { Simulation } from './simulation/simulation.ts';

const data = workerData as ThreadData;
const scenarios = new Map(data.scenarios.map((scenario) => [scenario.name, scenario]));
const simulation: Simulation = {
  delays: data.delays,
  scenarios,
  defaultScenario: data.defaultScenario,
  apiKey: data.apiKey,
  faults: createFaultQueue(),
  scripts: createScripts((name) => scenarios.get(name)),
  speech: await startThreadedSpeech(),
  log: { requests: [], lastChat: null },
};

const sockets = new WebSocketServer({ noServer: true });
const server = createServer((request, response) => {
  // A bug in the simulator: an unhandled `error` event ends the thread, visibly.
  answerRequest(simulation, request, response).catch((error: unknown) => server.emit('error', error));
});
server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  answerUpgrade(simulation, { request, socket, head }, sockets);
});
server.listen(data.port, '127.0.0.1');
await once(server, 'listening');
parentPort?.postMessage({ port: (server.address() as AddressInfo).port });
