/** The hedged LLM against the OpenAI simulator and its faults: the caller hears something soon, and nothing twice. */
import { initializeLogger, llm } from '@livekit/agents';
import { expect, test } from 'vitest';
import { HedgedLlm, type LlmLimits } from '#agents/telephony/llm/hedged-llm.ts';
import { startProviders, type Providers } from '#src/simulators/providers/server.ts';
import { faultsBeforeTheFirstWord, faultsInTheMiddle } from '#test/support/llm-faults.ts';

initializeLogger({ pretty: false, level: 'silent' });

const reply = 'We are open from eight to six.';
const limits: LlmLimits = { secondAttemptMs: 400, fillerAfterMs: 2_500, giveUpMs: 4_000, stallMs: 1_000 };

const openProviders = () =>
  startProviders({
    scenarios: [{ name: 'hours', otherwise: reply }],
    delays: { firstTokenMs: 100, tokensPerSecond: 100 },
  });

const modelOf = (providers: Pick<Providers, 'openaiUrl'>, secondModel: string | null = null): HedgedLlm =>
  new HedgedLlm({
    ...{ apiKey: 'any', baseUrl: providers.openaiUrl, model: 'gpt-4.1-mini', temperature: 0 },
    ...{ secondModel, filler: 'One moment, please.', limits },
  });

const ask = async (providers: Pick<Providers, 'openaiUrl' | 'log'>, model = modelOf(providers)) => {
  const failures: { message: string; recoverable: boolean }[] = [];
  model.on('error', ({ error, recoverable }) => failures.push({ message: error.message, recoverable }));
  const chatCtx = llm.ChatContext.empty();
  chatCtx.addMessage({ role: 'user', content: 'When are you open?' });
  const startedAt = performance.now();
  let firstMs = Infinity;
  let text = '';
  for await (const { delta } of model.chat({ chatCtx })) {
    if (delta?.content !== undefined) firstMs = Math.min(firstMs, performance.now() - startedAt);
    text += delta?.content ?? '';
  }
  const requests = (await providers.log()).requests.filter(({ kind }) => kind === 'chat').length;
  return { text, firstMs, tookMs: performance.now() - startedAt, failures, requests };
};

test('a model that replies in time gets one request, with the temperature', async () => {
  await using providers = await openProviders();
  expect(await ask(providers)).toMatchObject({ text: reply, failures: [], requests: 1 });
  expect((await providers.log()).lastChat).toMatchObject({ temperature: 0, model: 'gpt-4.1-mini' });
});

test.each(faultsBeforeTheFirstWord)('%j: the second attempt succeeds', async (fault) => {
  await using providers = await openProviders();
  await providers.setFault({ service: 'llm', times: 1, ...fault });
  const { text, failures, requests, firstMs } = await ask(providers);
  expect({ text, failures, requests }).toEqual({ text: reply, failures: [], requests: 2 });
  expect(firstMs).toBeLessThan(limits.fillerAfterMs);
});

test('the second attempt uses the second model', async () => {
  await using providers = await openProviders();
  await providers.setFault({ service: 'llm', kind: 'hang', times: 1 });
  expect(await ask(providers, modelOf(providers, 'gpt-4.1'))).toMatchObject({ text: reply, failures: [] });
  expect((await providers.log()).lastChat).toMatchObject({ model: 'gpt-4.1' });
});

test('after two failures in a row the first model is skipped', async () => {
  await using providers = await openProviders();
  const model = modelOf(providers, 'gpt-4.1');
  for (const failures of [1, 2]) {
    await providers.setFault({ service: 'llm', kind: 'hang', times: 1 });
    const { text, requests } = await ask(providers, model);
    expect({ text, requests }).toEqual({ text: reply, requests: failures * 2 });
  }
  const { text, requests, firstMs } = await ask(providers, model);
  expect({ text, requests }).toEqual({ text: reply, requests: 5 });
  expect(firstMs).toBeLessThan(limits.secondAttemptMs);
  expect((await providers.log()).lastChat).toMatchObject({ model: 'gpt-4.1' });
});

test('a model that never replies: a filler, then one failure that is not retryable', async () => {
  await using providers = await openProviders();
  await providers.setFault({ service: 'llm', kind: 'hang', times: 'all' });
  const { text, failures, requests, firstMs, tookMs } = await ask(providers);
  expect(text).toBe('One moment, please. ');
  expect(firstMs).toBeGreaterThan(limits.fillerAfterMs - 50);
  expect(firstMs).toBeLessThan(limits.giveUpMs - 500);
  expect(tookMs).toBeLessThan(limits.giveUpMs + 1_000);
  expect(requests).toBe(2);
  expect(failures).toEqual([{ message: expect.stringContaining('4000 ms') as string, recoverable: false }]);
});

test('if both attempts are refused, that is reported at once', async () => {
  await using providers = await openProviders();
  await providers.setFault({ service: 'llm', kind: 'status', status: 429, times: 'all' });
  const { text, failures, requests, tookMs } = await ask(providers);
  expect({ text, requests }).toEqual({ text: '', requests: 2 });
  expect(tookMs).toBeLessThan(limits.fillerAfterMs);
  expect(failures).toEqual([{ message: expect.stringContaining('Rate limit') as string, recoverable: false }]);
});

test.each(faultsInTheMiddle)('%s in the middle of a reply: there is no second attempt', async (kind) => {
  await using providers = await openProviders();
  await providers.setFault({ service: 'llm', kind, afterTokens: 3, times: 1 });
  const { text, failures, requests, tookMs } = await ask(providers);
  expect({ text, requests }).toEqual({ text: 'We are open', requests: 1 });
  expect(failures).toHaveLength(1);
  expect(failures[0]?.recoverable).toBe(false);
  expect(tookMs).toBeLessThan(limits.stallMs + 1_500);
});

test('a closed stream cancels its request, without a failure or a second attempt', async () => {
  await using providers = await openProviders();
  await providers.setFault({ service: 'llm', kind: 'hang', times: 'all' });
  const model = new HedgedLlm({
    ...{ apiKey: 'any', baseUrl: providers.openaiUrl, model: 'gpt-4.1-mini', temperature: null },
    ...{ secondModel: null, filler: '', limits },
  });
  const failures: unknown[] = [];
  model.on('error', (error) => failures.push(error));
  const chatCtx = llm.ChatContext.empty();
  chatCtx.addMessage({ role: 'user', content: 'Hello' });
  const stream = model.chat({ chatCtx });
  setTimeout(() => stream.close(), 200);
  for await (const chunk of stream) expect(chunk).toBeUndefined();
  await new Promise((resolve) => setTimeout(resolve, limits.secondAttemptMs + 200));
  expect(failures).toEqual([]);
  expect((await providers.log()).requests.filter(({ kind }) => kind === 'chat')).toHaveLength(1);
});
