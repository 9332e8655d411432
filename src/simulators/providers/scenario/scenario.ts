/**
 * A scenario is data: what callers say, and how the model replies.
 *
 * caller: the script, one line per turn. A string is said without a pause; an array is one line with pauses between its parts.
 * replies: the model uses the first one whose `when` matches.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const lineSchema = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const whenSchema = z.union([
  /** The last message is the user's and contains this text; case is ignored. */
  z.string().min(1),
  /** The last message is the result of this tool. */
  z.strictObject({ tool: z.string().min(1) }),
  /** The last message is the user's n-th, counting from 1. */
  z.strictObject({ turn: z.int().min(1) }),
  /** It is not the user's turn: the system messages give an instruction that contains this text. */
  z.strictObject({ instructions: z.string() }),
]);

const replySchema = z.strictObject({
  when: whenSchema,
  say: z.string().optional(),
  /** Called only if the request lists it; `say` applies either way. */
  tool: z
    .strictObject({ name: z.string().min(1), arguments: z.record(z.string(), z.unknown()).default({}) })
    .optional(),
  /** How often it may be used in one conversation, as the conversation itself shows. */
  times: z.int().min(1).optional(),
});

export const scenarioSchema = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/, 'A scenario name may contain letters, digits, ".", "_" and "-".'),
  caller: z.array(lineSchema).default([]),
  /** Starts over after the last line; otherwise further speech yields no transcript. */
  repeat: z.boolean().default(false),
  replies: z.array(replySchema).default([]),
  /** The reply when nothing matches. */
  otherwise: z.string().default('I am sorry, could you say that again?'),
});

export type ScriptLine = z.infer<typeof lineSchema>;
export type ScenarioInput = z.input<typeof scenarioSchema>;
export type Scenario = z.output<typeof scenarioSchema>;
type Reply = z.output<typeof replySchema>;

/** The parts of a chat completions message that scenarios use. */
export const messageSchema = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(z.looseObject({ text: z.string().optional() })), z.null()]).optional(),
  tool_calls: z
    .array(z.looseObject({ id: z.string(), function: z.looseObject({ name: z.string(), arguments: z.string() }) }))
    .optional(),
  tool_call_id: z.string().optional(),
});

export type Message = z.infer<typeof messageSchema>;
export type ModelReply = { text: string; tool: { name: string; arguments: Record<string, unknown> } | null };

/** The scenario of the demo: the front desk of a dental clinic. */
export const loadDemoScenario = async (): Promise<Scenario> =>
  scenarioSchema.parse(JSON.parse(await readFile(new URL('./demo.json', import.meta.url), 'utf8')));

/** What the model replies to `messages`, given the names of the tools it may call. */
export const replyTo = (scenario: Scenario, messages: Message[], tools: string[]): ModelReply => {
  const reply = scenario.replies.find(
    (rule) => matches(rule, messages) && timesUsed(rule, messages) < timesAllowed(rule),
  );
  const tool = reply?.tool && tools.includes(reply.tool.name) ? reply.tool : null;
  if (!reply) return { text: scenario.otherwise, tool: null };
  return { text: reply.say ?? (tool ? '' : scenario.otherwise), tool };
};

const matches = ({ when }: Reply, messages: Message[]): boolean => {
  const last = messages.findLast((message) => message.role !== 'system' && message.role !== 'developer');
  if (typeof when === 'string') return last?.role === 'user' && includes(textOf(last), when);
  if ('tool' in when) return last?.role === 'tool' && toolOf(last, messages) === when.tool;
  if ('turn' in when) return last?.role === 'user' && messages.filter((m) => m.role === 'user').length === when.turn;
  const asked = messages.filter((message) => message.role === 'system' || message.role === 'developer').map(textOf);
  return (last === undefined || last.role === 'assistant') && includes(asked.join('\n'), when.instructions);
};

/** Counted in the conversation, not by the simulator: the model may be asked twice for one turn. */
const timesUsed = (reply: Reply, messages: Message[]): number =>
  messages.filter((message) => message.role === 'assistant' && saidBy(reply, message)).length;

const saidBy = (reply: Reply, message: Message): boolean => {
  if (reply.tool && message.tool_calls?.some((call) => call.function.name === reply.tool?.name)) return true;
  const text = textOf(message).trim();
  // The history contains an interrupted reply only as far as it was heard.
  return text !== '' && (reply.say ?? '').startsWith(text);
};

const timesAllowed = (reply: Reply): number => reply.times ?? Infinity;

const toolOf = (result: Message, messages: Message[]): string | undefined => {
  const calls = messages.flatMap((message) => message.tool_calls ?? []);
  return calls.find((call) => call.id === result.tool_call_id)?.function.name;
};

const textOf = (message: Message): string => {
  if (Array.isArray(message.content)) return message.content.map((part) => part.text ?? '').join(' ');
  return message.content ?? '';
};

const includes = (text: string, part: string): boolean => text.toLowerCase().includes(part.toLowerCase());
