/** The answer of the simulated model, streamed as server-sent events at the speed of tokens, or whole. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Fault } from '../simulation/faults.ts';
import { sendJson, write } from '../simulation/http.ts';
import { hang, waitUntil } from '../simulation/pacing.ts';
import { type ModelReply, replyTo, type Message, messageSchema, type Scenario } from '../scenario/scenario.ts';
import type { Simulation } from '../simulation/simulation.ts';

const chatSchema = z.looseObject({
  model: z.string('you must provide a model parameter').min(1),
  messages: z.array(messageSchema).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }).optional() })).nullish(),
  tool_choice: z.unknown().optional(),
  max_tokens: z.number().int().min(1).nullish(),
  max_completion_tokens: z.number().int().min(1).nullish(),
});
type ChatRequest = z.infer<typeof chatSchema>;

type Delta = {
  role?: 'assistant';
  content?: string | null;
  tool_calls?: { index: number; id?: string; type?: 'function'; function: { name?: string; arguments: string } }[];
};
type Completion = {
  deltas: Delta[];
  finishReason: 'stop' | 'tool_calls' | 'length';
  answer: ModelReply;
  callId: string;
};
type Sending = {
  fault: Extract<Fault, { service: 'llm' }> | null;
  /** On the clock of `performance.now()`. */
  askedMs: number;
  signal: AbortSignal;
  response: ServerResponse;
};

/**
 * Answers a chat request by the scenario.
 * @returns null, or what is wrong with the request, which is then still unanswered
 * @throws AbortError when the client went away
 */
export const answerChat = async (
  sim: Simulation,
  scenario: Scenario,
  body: unknown,
  sending: Sending,
): Promise<string | null> => {
  const parsed = chatSchema.safeParse(body);
  if (!parsed.success) return z.prettifyError(parsed.error);
  const request = parsed.data;
  const problem = unansweredTools(request.messages);
  if (problem !== null) return problem;
  const completion = complete(request, replyTo(scenario, request.messages, toolNames(request)));
  if (request.stream === true) await stream(sim, request, completion, sending);
  else await answerWhole(sim, request, completion, sending);
  return null;
};

/** As OpenAI does, refuses tool calls without results and results without calls. */
const unansweredTools = (messages: Message[]): string | null => {
  let open: string[] = [];
  for (const { role, tool_calls: calls, tool_call_id: id } of messages) {
    if (role === 'tool') {
      if (!open.includes(id ?? '')) {
        return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'.";
      }
      open = open.filter((callId) => callId !== id);
      continue;
    }
    if (open.length > 0) break;
    open = (calls ?? []).map((call) => call.id);
  }
  if (open.length === 0) return null;
  return `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. (${open.join(', ')})`;
};

const toolNames = ({ tools, tool_choice: choice }: ChatRequest): string[] => {
  if (choice === 'none') return [];
  return (tools ?? []).flatMap((tool) => (tool.function ? [tool.function.name] : []));
};

const complete = (request: ChatRequest, answer: ModelReply): Completion => {
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Infinity;
  const callId = `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`;
  const text: Delta[] = (answer.text.match(/\s*\S+/g) ?? []).map((content) => ({ content }));
  const tool = answer.tool ? toolDeltas(callId, answer.tool) : [];
  const deltas = [...text, ...tool].slice(0, limit);
  const isCut = text.length + tool.length > limit;
  return { deltas, finishReason: isCut ? 'length' : answer.tool ? 'tool_calls' : 'stop', answer, callId };
};

const toolDeltas = (id: string, tool: NonNullable<ModelReply['tool']>): Delta[] => {
  const pieces = JSON.stringify(tool.arguments).match(/.{1,6}/gs) ?? [];
  const opening: Delta = {
    tool_calls: [{ index: 0, id, type: 'function', function: { name: tool.name, arguments: '' } }],
  };
  return [opening, ...pieces.map((piece) => ({ tool_calls: [{ index: 0, function: { arguments: piece } }] }))];
};

const stream = async (
  sim: Simulation,
  request: ChatRequest,
  completion: Completion,
  sending: Sending,
): Promise<void> => {
  const { fault, response, signal } = sending;
  const head = {
    id: `chatcmpl-${randomUUID()}`,
    object: 'chat.completion.chunk',
    created: now(),
    model: request.model,
  };
  const usage = request.stream_options?.include_usage === true ? { usage: null } : {};
  const send = async (delta: Delta, finish: string | null = null): Promise<void> => {
    const choices = [{ index: 0, delta, logprobs: null, finish_reason: finish }];
    await write(response, `data: ${JSON.stringify({ ...head, choices, ...usage })}\n\n`, signal);
  };
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  if (fault?.kind === 'hangAfterHeaders') {
    response.flushHeaders();
    await hang(signal);
  }
  const firstMs = sending.askedMs + sim.delays.firstTokenMs;
  await waitUntil(firstMs, signal);
  await send({ role: 'assistant', content: '' });
  for (const [index, delta] of completion.deltas.entries()) {
    if (index === fault?.afterTokens) await goWrong(sending);
    if (response.writableEnded) return;
    await waitUntil(firstMs + (index * 1000) / sim.delays.tokensPerSecond, signal);
    await send(delta);
  }
  if (fault && fault.afterTokens >= completion.deltas.length) await goWrong(sending);
  if (response.writableEnded) return;
  await send({}, completion.finishReason);
  const total = { ...head, choices: [], usage: usageOf(request, completion) };
  if ('usage' in usage) await write(response, `data: ${JSON.stringify(total)}\n\n`, signal);
  response.end('data: [DONE]\n\n');
};

const goWrong = async ({ fault, response, signal }: Sending): Promise<void> => {
  if (fault?.kind === 'stallMidStream') await hang(signal);
  if (fault?.kind === 'garbage') response.end('data: {"choices":[{"delta":{"content":\n\n\u0000\ufffdnot an event\n\n');
  if (fault?.kind === 'cut') {
    // What was written must be on its way before the socket goes.
    await new Promise((resolve) => setTimeout(resolve, 20));
    response.destroy();
    signal.throwIfAborted();
  }
};

const answerWhole = async (
  sim: Simulation,
  request: ChatRequest,
  completion: Completion,
  sending: Sending,
): Promise<void> => {
  const { fault, response, signal } = sending;
  if (fault?.kind === 'garbage') return void response.end('<html>Bad gateway</html>');
  if (fault?.kind === 'cut') return void response.destroy();
  if (fault) await hang(signal);
  const lastMs = (completion.deltas.length * 1000) / sim.delays.tokensPerSecond;
  await waitUntil(sending.askedMs + sim.delays.firstTokenMs + lastMs, signal);
  const { text, tool } = completion.answer;
  const call = tool && {
    id: completion.callId,
    type: 'function',
    function: { name: tool.name, arguments: JSON.stringify(tool.arguments) },
  };
  const message = { role: 'assistant', content: text || null, refusal: null, ...(call && { tool_calls: [call] }) };
  sendJson(response, 200, {
    id: `chatcmpl-${randomUUID()}`,
    object: 'chat.completion',
    created: now(),
    model: request.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: completion.finishReason }],
    usage: usageOf(request, completion),
  });
};

const usageOf = (request: ChatRequest, completion: Completion): Record<string, unknown> => {
  const prompt = Math.ceil(JSON.stringify(request.messages).length / 4);
  const answer = completion.deltas.length;
  return {
    prompt_tokens: prompt,
    completion_tokens: answer,
    total_tokens: prompt + answer,
    prompt_tokens_details: { cached_tokens: 0 },
  };
};

const now = (): number => Math.floor(Date.now() / 1000);
