import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { countErrors, loadFully, loadSteadily } from '#test/bench/webhook/load.ts';
import { startServer } from '#test/bench/webhook/server.ts';

/** Answers every other request with 429. */
const serve = async () => {
  let count = 0;
  const server = createServer((request, response) => {
    request.resume();
    response.statusCode = count++ % 2 === 0 ? 200 : 429;
    response.end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await once(server.close(), 'close');
  };
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: stop };
};

test('a refused request is an error, and no throughput', async () => {
  await using server = await serve();
  const options = { connections: 2, durationMs: 300, from: 0, signal: new AbortController().signal };
  const load = await loadFully(server.port, options);
  expect(load.latenciesMs.length).toBeGreaterThan(0);
  expect(Math.abs(countErrors(load) - load.latenciesMs.length)).toBeLessThanOrEqual(2);
  expect(load.errors).toEqual({ 429: countErrors(load) });
  expect(load.perSecond).toBeLessThan(load.latenciesMs.length / 0.29);
});

test('a load ends when the server is gone', async () => {
  await using server = await serve();
  const gone = new AbortController();
  setTimeout(() => gone.abort(new Error('the server ended')), 100);
  const options = { connections: 2, durationMs: 60_000, from: 0, signal: gone.signal };
  await expect(loadFully(server.port, options)).rejects.toThrow('the server ended');
});

test('a steady load keeps its rate', async () => {
  await using server = await serve();
  const startedAt = performance.now();
  const load = loadSteadily(server.port, 50);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { latenciesMs, errors } = await load.stop();
  const sent = latenciesMs.length + countErrors({ perSecond: 0, latenciesMs, errors });
  // A loaded machine may send later, never more.
  expect(sent).toBeGreaterThan(3);
  expect(sent).toBeLessThan((50 * (performance.now() - startedAt)) / 1000 + 10);
});

test('a server that ends before it listens is an error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-load-'));
  try {
    // A folder is no database.
    await expect(startServer('ours.ts', `file:${folder}`, join(folder, 'log'))).rejects.toThrow(
      'ours.ts did not start',
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}, 30_000);
