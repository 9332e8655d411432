import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { keepConnections, warmConnection } from '#agents/telephony/warm-up/connections.ts';

test('a request after a long pause uses the warm connection', async () => {
  const server = createServer((_request, response) => response.end('ok'));
  server.keepAliveTimeout = 60_000;
  let connections = 0;
  server.on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  keepConnections();
  await warmConnection(url);
  expect(connections).toBe(1);
  await sleep(5_500); // by default, Node's fetch closes idle connections after 4 s
  expect(await (await fetch(`${url}/v1`)).text()).toBe('ok');
  expect(connections).toBe(1);
  await warmConnection('http://127.0.0.1:9'); // nothing listens there: no error
  server.closeAllConnections();
  server.close();
}, 15_000);
