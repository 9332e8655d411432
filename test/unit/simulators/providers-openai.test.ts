import { setTimeout as sleep } from 'node:timers/promises';
import { initializeLogger, llm } from '@livekit/agents';
import * as openaiPlugin from '@livekit/agents-plugin-openai';
import OpenAI, { type APIError } from 'openai';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Providers, startProviders } from '#src/simulators/providers/server.ts';

type Chunk = OpenAI.Chat.Completions.ChatCompletionChunk;
type Messages = OpenAI.Chat.Completions.ChatCompletionMessageParam[];

const fast = { firstTokenMs: 60, tokensPerSecond: 200, speechFirstByteMs: 20, speechRealtimeFactor: 50 };
const scenario = {
  name: 'office',
  replies: [
    { when: 'opening hours', say: 'We are open from eight to six.' },
    { when: 'book', say: 'One moment.', tool: { name: 'book', arguments: { day: 'Friday', hour: 9 } } },
    { when: { tool: 'book' }, say: 'It is booked.' },
  ],
  otherwise: 'Pardon?',
};
const tools = [
  { type: 'function' as const, function: { name: 'book', parameters: { type: 'object', properties: {} } } },
];
const model = 'gpt-4.1';

beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

const clientOf = ({ openaiUrl }: Pick<Providers, 'openaiUrl'>, apiKey = 'any'): OpenAI =>
  new OpenAI({ baseURL: openaiUrl, apiKey, maxRetries: 0 });

const user = (content: string): Messages => [
  { role: 'system', content: 'You are helpful.' },
  { role: 'user', content },
];

const stream = async (client: OpenAI, messages: Messages, signal?: AbortSignal): Promise<AsyncIterable<Chunk>> => {
  const request = { model, messages, tools, stream: true as const, stream_options: { include_usage: true } };
  return client.chat.completions.create(request, { signal });
};

const read = async (chunks: AsyncIterable<Chunk>): Promise<{ text: string; chunks: Chunk[] }> => {
  const all: Chunk[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return { text: all.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), chunks: all };
};

test('chat streams the role, the words one by one, the finish reason and the usage', async () => {
  await using providers = await startProviders({ scenarios: [scenario], delays: fast });
  const startedMs = performance.now();
  const { text, chunks } = await read(await stream(clientOf(providers), user('What are your OPENING hours?')));
  expect(performance.now() - startedMs).toBeGreaterThan(60 + 6 * 5 - 5);
  expect(text).toBe('We are open from eight to six.');
  expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
  expect(chunks.filter((chunk) => chunk.choices[0]?.delta.content)).toHaveLength(7);
  expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean)).toEqual(['stop']);
  expect(chunks.at(-1)?.choices).toEqual([]);
  expect(chunks.at(-1)?.usage?.completion_tokens).toBe(7);
  const { lastChat, requests } = await providers.log();
  expect(lastChat).toMatchObject({ model, messages: user('What are your OPENING hours?') });
  expect(requests).toMatchObject([{ kind: 'chat', status: 200, scenario: 'office' }]);
});

test('a tool is called after its text, only if the request lists it, and its result gets a reply', async () => {
  await using providers = await startProviders({ scenarios: [scenario], delays: fast });
  const client = clientOf(providers);
  const { text, chunks } = await read(await stream(client, user('Please book Friday')));
  const calls = chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);
  expect(text).toBe('One moment.');
  expect(calls[0]).toMatchObject({ index: 0, type: 'function', function: { name: 'book' } });
  expect(JSON.parse(calls.map((call) => call.function?.arguments ?? '').join(''))).toEqual({ day: 'Friday', hour: 9 });
  expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean)).toEqual(['tool_calls']);

  const whole = await client.chat.completions.create({ model, messages: user('Please book Friday'), tools });
  const message = whole.choices[0]?.message;
  if (!message?.tool_calls?.[0]) throw new Error('no call');
  const result: Messages = [message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: '"ok"' }];
  const after = await client.chat.completions.create({ model, messages: [...user('Please book Friday'), ...result] });
  expect(after.choices[0]?.message.content).toBe('It is booked.');
  const unlisted = await client.chat.completions.create({ model, messages: user('Please book Friday') });
  expect(unlisted.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'One moment.' } });
  const unanswered = client.chat.completions.create({ model, messages: [...user('book'), message, ...user('And?')] });
  await expect(unanswered).rejects.toThrow(/400 .*tool_call_id/);
});

test('keys, models, unknown URLs and malformed bodies', async () => {
  await using providers = await startProviders({ scenarios: [scenario], apiKey: 'secret', delays: fast });
  await expect(clientOf(providers, 'wrong').models.list()).rejects.toMatchObject({
    status: 401,
    code: 'invalid_api_key',
  });
  expect((await fetch(`${providers.openaiUrl}/models`)).status).toBe(401);
  const { data } = await clientOf(providers, 'secret').models.list();
  expect(data.map(({ id }) => id)).toContain('gpt-4.1');
  const headers = { authorization: 'Bearer secret' };
  expect((await fetch(`${providers.openaiUrl}/nothing`, { headers })).status).toBe(404);
  const bad = await fetch(`${providers.openaiUrl}/chat/completions`, { method: 'POST', headers, body: '{"model":' });
  expect([bad.status, await bad.json()]).toMatchObject([400, { error: { type: 'invalid_request_error' } }]);
});

test('the key or the URL selects the scenario, which can be replaced at runtime', async () => {
  const other = { name: 'other', otherwise: 'I am the other one.' };
  await using providers = await startProviders({ scenarios: [scenario, other], delays: fast });
  const texts = async (): Promise<string[]> => {
    const clients = [clientOf(providers), clientOf(providers, 'other'), clientOf(providers.urlsOf('other'))];
    return Promise.all(clients.map(async (client) => (await read(await stream(client, user('?')))).text));
  };
  expect(await texts()).toEqual(['Pardon?', 'I am the other one.', 'I am the other one.']);
  await providers.setScenario({ name: 'other', otherwise: 'New.' });
  expect(await texts()).toEqual(['Pardon?', 'New.', 'New.']);
  await expect(providers.setScenario({ name: 'bad name' })).rejects.toThrow(/scenario name/);
});

test('the LiveKit plugin streams text and tool calls', async () => {
  await using providers = await startProviders({ scenarios: [scenario], delays: fast });
  const plugin = new openaiPlugin.LLM({ apiKey: 'any', baseURL: providers.openaiUrl, model });
  const chatCtx = new llm.ChatContext();
  chatCtx.addMessage({ role: 'user', content: 'Please book Friday' });
  const book = llm.tool({ name: 'book', description: 'Books', parameters: z.object({}), execute: async () => 'ok' });
  let text = '';
  const calls: string[] = [];
  for await (const chunk of plugin.chat({ chatCtx, toolCtx: new llm.ToolContext([book]) })) {
    text += chunk.delta?.content ?? '';
    for (const call of chunk.delta?.toolCalls ?? []) calls.push(`${call.name} ${call.args}`);
  }
  expect(text).toBe('One moment.');
  expect(calls).toEqual(['book {"day":"Friday","hour":9}']);
});

test('a client that disconnects stops the completion', async () => {
  await using providers = await startProviders({ scenarios: [scenario], delays: { ...fast, tokensPerSecond: 1 } });
  const gone = new AbortController();
  for await (const chunk of await stream(clientOf(providers), user('opening hours'), gone.signal)) {
    if (chunk.choices[0]?.delta.content) gone.abort();
  }
  await expect
    .poll(async () => (await providers.log()).requests, { timeout: 10_000 })
    .toMatchObject([{ kind: 'chat', status: 499 }]);
});

test('faults of the model: statuses', async () => {
  await using providers = await startProviders({ scenarios: [scenario], delays: fast });
  await providers.setFault({ service: 'llm', kind: 'status', status: 429, retryAfterSeconds: 7 });
  await providers.setFault({ service: 'llm', kind: 'status', status: 503 });
  const errors: unknown[] = [];
  for (let time = 0; time < 2; time++)
    await stream(clientOf(providers), user('hi')).catch((e: unknown) => errors.push(e));
  expect(errors).toMatchObject([{ status: 429, code: 'rate_limit_exceeded' }, { status: 503 }]);
  expect(((errors[0] as APIError).headers as Headers).get('retry-after')).toBe('7');
  expect((await read(await stream(clientOf(providers), user('hi')))).text).toBe('Pardon?');
});

test('faults of the model: hanging and stalling', async () => {
  await using providers = await startProviders({ scenarios: [scenario], delays: fast });
  const outcome = async (): Promise<string> => {
    let text = 'nothing';
    const gone = new AbortController();
    const reading = (async () => {
      const chunks = await stream(clientOf(providers), user('opening hours'), gone.signal);
      text = 'headers:';
      for await (const chunk of chunks) text += chunk.choices[0]?.delta.content ?? '';
      text += ' END';
    })();
    await sleep(400);
    gone.abort();
    await Promise.allSettled([reading]);
    return text.replace(' END', '');
  };
  for (const kind of ['hang', 'hangAfterHeaders'] as const) await providers.setFault({ service: 'llm', kind });
  await providers.setFault({ service: 'llm', kind: 'stallMidStream', afterTokens: 2 });
  expect([await outcome(), await outcome(), await outcome()]).toEqual(['nothing', 'headers:', 'headers:We are']);
});

test('faults of the model: cut and garbage, until cleared', async () => {
  await using providers = await startProviders({ scenarios: [scenario, { name: 'spared' }], delays: fast });
  const words: string[] = [];
  const readWords = async (client = clientOf(providers)): Promise<void> => {
    words.length = 0;
    for await (const chunk of await stream(client, user('opening hours'))) {
      words.push(chunk.choices[0]?.delta.content ?? '');
    }
  };
  for (const kind of ['cut', 'garbage'] as const) {
    await providers.setFault({ service: 'llm', kind, times: 'all', scenario: 'office' });
    await expect(readWords()).rejects.toThrow();
    await expect(readWords()).rejects.toThrow();
    expect(words.join('')).toBe('We are open');
    await readWords(clientOf(providers, 'spared'));
    await providers.clearFaults();
    await readWords();
    expect(words.join('')).toBe('We are open from eight to six.');
  }
});
