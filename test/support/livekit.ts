/**
 * The LiveKit server that the tests of a run share: rooms don't disturb each other. Tests that stop or break a server start their own.
 * A LiveKit server sends all its webhooks to one address; the relay here passes each on to the service whose room it is about.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { obtainLivekitServer, startLivekitServer } from '#src/local/livekit/server.ts';

export type SharedLivekit = Readonly<{
  url: string;
  httpUrl: string;
  apiKey: string;
  apiSecret: string;
  /** Where `relayWebhooks` registers. */
  relayUrl: string;
}>;

declare module 'vitest' {
  interface ProvidedContext {
    livekit: SharedLivekit | undefined;
  }
}

/** Vitest's globalSetup. Returns what stops the server. */
export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  await using stack = new AsyncDisposableStack();
  const binary = await obtainLivekitServer({ env: process.env, progress: (line) => console.log(line) });
  const relay = stack.use(await startRelay());
  const { url, httpUrl, apiKey, apiSecret } = stack.use(
    await startLivekitServer({ binary, webhookUrl: `${relay.url}/webhooks` }),
  );
  project.provide('livekit', { url, httpUrl, apiKey, apiSecret, relayUrl: relay.url });
  const started = stack.move();
  return () => started.disposeAsync();
};

export const sharedLivekit = (): SharedLivekit =>
  inject('livekit') ?? expectSetup('vitest.config.ts starts no LiveKit server for this project');

const expectSetup = (message: string): never => {
  throw new Error(message);
};

/** Sends the webhooks about rooms whose names begin with `roomPrefix` to `url`, until disposed. */
export const relayWebhooks = async (roomPrefix: string, url: string): Promise<AsyncDisposable> => {
  const target = `${sharedLivekit().relayUrl}/targets/${encodeURIComponent(roomPrefix)}`;
  const request = async (method: string, body?: string) => {
    const response = await fetch(target, { method, ...(body !== undefined && { body }) });
    if (!response.ok) throw new Error(`The webhook relay answered ${response.status}.`);
  };
  await request('PUT', url);
  return { [Symbol.asyncDispose]: () => request('DELETE') };
};

const startRelay = async (): Promise<AsyncDisposable & { url: string }> => {
  const targets = new Map<string, string>();
  const server = createServer((asked, answer) => {
    handle(targets, asked, answer).catch((error: unknown) => answer.writeHead(502).end(String(error)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

const handle = async (targets: Map<string, string>, asked: IncomingMessage, answer: ServerResponse): Promise<void> => {
  const body = await text(asked);
  const [, prefix] = /^\/targets\/(.+)$/.exec(asked.url ?? '') ?? [];
  if (prefix === undefined) return void answer.writeHead(await forward(targets, asked, body)).end();
  if (asked.method === 'PUT') targets.set(decodeURIComponent(prefix), body);
  else targets.delete(decodeURIComponent(prefix));
  answer.writeHead(200).end();
};

/** The status of the service that the event belongs to: LiveKit repeats what was not accepted. Nobody's events are accepted. */
const forward = async (targets: ReadonlyMap<string, string>, asked: IncomingMessage, body: string): Promise<number> => {
  const { room } = JSON.parse(body) as { room?: { name?: string } };
  const [, url] = [...targets].find(([prefix]) => room?.name?.startsWith(prefix)) ?? [];
  if (url === undefined) return 200;
  const { authorization = '', 'content-type': type = '' } = asked.headers;
  const response = await fetch(url, { method: 'POST', headers: { authorization, 'content-type': type }, body });
  await response.arrayBuffer();
  return response.status;
};
