/** The model against the simulated OpenAI, whatever goes wrong there: who waits hears something soon, and nothing twice. */
import { initializeLogger, llm } from '@livekit/agents';
import { expect, test } from 'vitest';
import { HedgedLlm, type LlmLimits } from '#agents/telephony/llm/hedged-llm.ts';
import { startProviders, type Providers } from '#src/simulators/providers/server.ts';
import { faultsBeforeTheFirstWord, faultsInTheMiddle } from '#test/support/llm-faults.ts';

initializeLogger({ pretty: false, level: 'silent' });

const answer = 'We are open from eight to six.';
const limits: LlmLimits = { secondAttemptMs: 400, fillerAfterMs: 2_500, giveUpMs: 4_000, stallMs: 1_000 };

const openGround = () =>
  startProviders({
    scenarios: [{ name: 'hours', otherwise: answer }],
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

test('a model that answers in time is asked once, with its temperature', async () => {
  await using providers = await openGround();
  expect(await ask(providers)).toMatchObject({ text: answer, failures: [], requests: 1 });
  expect((await providers.log()).lastChat).toMatchObject({ temperature: 0, model: 'gpt-4.1-mini' });
});

test.each(faultsBeforeTheFirstWord)('%j: a second attempt answers', async (fault) => {
  await using providers = await openGround();
  await providers.setFault({ service: 'llm', times: 1, ...fault });
  const { text, failures, requests, firstMs } = await ask(providers);
  expect({ text, failures, requests }).toEqual({ text: answer, failures: [], requests: 2 });
  expect(firstMs).toBeLessThan(limits.fillerAfterMs);
});

test('the second attempt is one of the second model', async () => {
  await using providers = await openGround();
  await providers.setFault({ service: 'llm', kind: 'hang', times: 1 });
  expect(await ask(providers, modelOf(providers, 'gpt-4.1'))).toMatchObject({ text: answer, failures: [] });
  expect((await providers.log()).lastChat).toMatchObject({ model: 'gpt-4.1' });
});

test('a model that failed twice in a row is left alone: the second one is asked at once', async () => {
  await using providers = await openGround();
  const model = modelOf(providers, 'gpt-4.1');
  for (const failures of [1, 2]) {
    await providers.setFault({ service: 'llm', kind: 'hang', times: 1 });
    const { text, requests } = await ask(providers, model);
    expect({ text, requests }).toEqual({ text: answer, requests: failures * 2 });
  }
  const { text, requests, firstMs } = await ask(providers, model);
  expect({ text, requests }).toEqual({ text: answer, requests: 5 });
  expect(firstMs).toBeLessThan(limits.secondAttemptMs);
  expect((await providers.log()).lastChat).toMatchObject({ model: 'gpt-4.1' });
});

test('a model that never answers: a sentence meanwhile, then one failure that nobody retries', async () => {
  await using providers = await openGround();
  await providers.setFault({ service: 'llm', kind: 'hang', times: 'all' });
  const { text, failures, requests, firstMs, tookMs } = await ask(providers);
  expect(text).toBe('One moment, please. ');
  expect(firstMs).toBeGreaterThan(limits.fillerAfterMs - 50);
  expect(firstMs).toBeLessThan(limits.giveUpMs - 500);
  expect(tookMs).toBeLessThan(limits.giveUpMs + 1_000);
  expect(requests).toBe(2);
  expect(failures).toEqual([{ message: expect.stringContaining('4000 ms') as string, recoverable: false }]);
});

test('refused again: the failure says so, at once', async () => {
  await using providers = await openGround();
  await providers.setFault({ service: 'llm', kind: 'status', status: 429, times: 'all' });
  const { text, failures, requests, tookMs } = await ask(providers);
  expect({ text, requests }).toEqual({ text: '', requests: 2 });
  expect(tookMs).toBeLessThan(limits.fillerAfterMs);
  expect(failures).toEqual([{ message: expect.stringContaining('Rate limit') as string, recoverable: false }]);
});

test.each(faultsInTheMiddle)('%s in the middle of an answer: what was said is not said again', async (kind) => {
  await using providers = await openGround();
  await providers.setFault({ service: 'llm', kind, afterTokens: 3, times: 1 });
  const { text, failures, requests, tookMs } = await ask(providers);
  expect({ text, requests }).toEqual({ text: 'We are open', requests: 1 });
  expect(failures).toHaveLength(1);
  expect(failures[0]?.recoverable).toBe(false);
  expect(tookMs).toBeLessThan(limits.stallMs + 1_500);
});

test('an answer that nobody wants any more is let go', async () => {
  await using providers = await openGround();
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
