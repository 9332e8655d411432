/** Chat completions of the simulated model, streamed token by token as server-sent events, or whole. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Fault } from '../simulation/faults.ts';
import { sendJson, write } from '../simulation/http.ts';
import { hang, waitUntil } from '../simulation/pacing.ts';
import { type ModelReply, replyTo, type Message, messageSchema, type Scenario } from '../scenario/scenario.ts';
import type { Simulation } from '../simulation/simulation.ts';

const chatSchema = z.looseObject({
  model: z.string('You must provide a model parameter.').min(1),
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
  reply: ModelReply;
  callId: string;
};
type Exchange = {
  fault: Extract<Fault, { service: 'llm' }> | null;
  /** On the clock of `performance.now()`. */
  receivedMs: number;
  signal: AbortSignal;
  response: ServerResponse;
};

/**
 * Replies to a chat request as the scenario says.
 * @returns null, or why the request is invalid; then no response was sent
 * @throws AbortError when the client disconnects
 */
export const completeChat = async (
  simulation: Simulation,
  scenario: Scenario,
  body: unknown,
  exchange: Exchange,
): Promise<string | null> => {
  const parsed = chatSchema.safeParse(body);
  if (!parsed.success) return z.prettifyError(parsed.error);
  const request = parsed.data;
  const problem = findToolCallProblem(request.messages);
  if (problem !== null) return problem;
  const completion = createCompletion(request, replyTo(scenario, request.messages, toolNames(request)));
  if (request.stream === true) await streamChunks(simulation, request, completion, exchange);
  else await sendWhole(simulation, request, completion, exchange);
  return null;
};

/** Like OpenAI, rejects tool calls without results and results without calls. */
const findToolCallProblem = (messages: Message[]): string | null => {
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

const createCompletion = (request: ChatRequest, reply: ModelReply): Completion => {
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Infinity;
  const callId = `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`;
  const text: Delta[] = (reply.text.match(/\s*\S+/g) ?? []).map((content) => ({ content }));
  const tool = reply.tool ? toolDeltas(callId, reply.tool) : [];
  const deltas = [...text, ...tool].slice(0, limit);
  const isCut = text.length + tool.length > limit;
  return { deltas, finishReason: isCut ? 'length' : reply.tool ? 'tool_calls' : 'stop', reply, callId };
};

const toolDeltas = (id: string, tool: NonNullable<ModelReply['tool']>): Delta[] => {
  const chunks = JSON.stringify(tool.arguments).match(/.{1,6}/gs) ?? [];
  const opening: Delta = {
    tool_calls: [{ index: 0, id, type: 'function', function: { name: tool.name, arguments: '' } }],
  };
  return [opening, ...chunks.map((chunk) => ({ tool_calls: [{ index: 0, function: { arguments: chunk } }] }))];
};

const streamChunks = async (
  simulation: Simulation,
  request: ChatRequest,
  completion: Completion,
  exchange: Exchange,
): Promise<void> => {
  const { fault, response, signal } = exchange;
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
  const firstMs = exchange.receivedMs + simulation.delays.firstTokenMs;
  await waitUntil(firstMs, signal);
  await send({ role: 'assistant', content: '' });
  for (const [index, delta] of completion.deltas.entries()) {
    if (index === fault?.afterTokens) await applyFault(exchange);
    if (response.writableEnded) return;
    await waitUntil(firstMs + (index * 1000) / simulation.delays.tokensPerSecond, signal);
    await send(delta);
  }
  if (fault && fault.afterTokens >= completion.deltas.length) await applyFault(exchange);
  if (response.writableEnded) return;
  await send({}, completion.finishReason);
  const total = { ...head, choices: [], usage: usageOf(request, completion) };
  if ('usage' in usage) await write(response, `data: ${JSON.stringify(total)}\n\n`, signal);
  response.end('data: [DONE]\n\n');
};

const applyFault = async ({ fault, response, signal }: Exchange): Promise<void> => {
  if (fault?.kind === 'stallMidStream') await hang(signal);
  if (fault?.kind === 'garbage') response.end('data: {"choices":[{"delta":{"content":\n\n\u0000\ufffdnot an event\n\n');
  if (fault?.kind === 'cut') {
    // Let what was written leave before the socket is destroyed.
    await new Promise((resolve) => setTimeout(resolve, 20));
    response.destroy();
    signal.throwIfAborted();
  }
};

const sendWhole = async (
  simulation: Simulation,
  request: ChatRequest,
  completion: Completion,
  exchange: Exchange,
): Promise<void> => {
  const { fault, response, signal } = exchange;
  if (fault?.kind === 'garbage') return void response.end('<html>Bad gateway</html>');
  if (fault?.kind === 'cut') return void response.destroy();
  if (fault) await hang(signal);
  const lastMs = (completion.deltas.length * 1000) / simulation.delays.tokensPerSecond;
  await waitUntil(exchange.receivedMs + simulation.delays.firstTokenMs + lastMs, signal);
  const { text, tool } = completion.reply;
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
