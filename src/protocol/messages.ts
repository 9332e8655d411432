/**
 * The messages between a call host and its service on the agent link: JSON text frames on a WebSocket at a Unix socket.
 *
 * At prewarm: hello → init, then ready. Of a call: claim → claim_result (before it perhaps wait), agent_event … until `ended` → done; commands
 * come in between. Times are epoch milliseconds, durations milliseconds.
 */
import { z } from 'zod';
import { callJob, providerKeys } from './job.ts';

/** Why a call ended, as its call host saw it. */
const agentEndReason = z.enum([
  'caller_hangup', // the caller left
  'caller_lost', // the caller's network vanished
  'agent_hangup', // the agent said goodbye (end_call)
  'silence', // nobody spoke for too long
  'time_limit', // the campaign's limit was reached
  'announced', // a refusal was heard
  'ended_by_service', // by a command, or the room was deleted
  'agent_error', // the conversation could not go on
]);
export type AgentEndReason = z.infer<typeof agentEndReason>;

const spokenTurn = z.object({
  seq: z.number().int(),
  role: z.enum(['agent', 'caller', 'tool']),
  /** What was really said; of an agent's turn that was interrupted, only what was heard. Of a tool call: a readable line. */
  text: z.string(),
  startedAt: z.number(),
  endedAt: z.number(),
  interrupted: z.boolean(),
  /** Parts of the latency in ms, as far as known; calls/timing/reply-timing.ts says what each means. */
  latency: z.record(z.string(), z.number()).nullable(),
  tool: z.object({ name: z.string(), arguments: z.unknown(), result: z.unknown() }).nullable(),
});
export type SpokenTurn = z.infer<typeof spokenTurn>;

/** The stages of a pick-up, in their usual order, and what each means. */
export const pickupStages = {
  offered: 'LiveKit offered the job to the worker',
  accepted: 'the worker accepted it',
  entered: 'the call host started the job',
  connected: 'it joined the room',
  callerFound: 'it found the caller there',
  claimSent: 'it sent its claim to the service',
  jobReceived: 'it received the call settings',
  sessionStarted: 'the agent session started',
  active: 'the caller can hear the agent: answered',
  activeTimedOut: 'no such confirmation in time; the agent speaks anyway',
  greeted: 'the greeting ended',
} as const;
export type PickupStage = keyof typeof pickupStages;

/** When the worker was offered a job and accepted it; passed to the call host as attributes of the job's participant. */
export const jobTimes = z.object({ offeredAt: z.coerce.number(), acceptedAt: z.coerce.number() });
export type JobTimes = z.infer<typeof jobTimes>;

const agentEvent = z.discriminatedUnion('kind', [
  /** The caller can hear the agent: media flows. */
  z.object({ kind: z.literal('answered'), at: z.number() }),
  /** A turn was spoken. Sent again with the same `seq`, it replaces the earlier one. */
  z.object({ kind: z.literal('turn'), turn: spokenTurn }),
  z.object({ kind: z.literal('message_taken'), name: z.string(), number: z.string(), reason: z.string() }),
  /** Stages of the pick-up that were reached: ms since `enteredAt`, which stays the same; earlier ones are negative. */
  z.object({
    kind: z.literal('timing'),
    enteredAt: z.number(),
    stages: z.partialRecord(z.literal(Object.keys(pickupStages) as PickupStage[]), z.number()),
  }),
  /** The caller was told that they are being transferred, and waits: the service transfers them, or sends `resume` or `end`. */
  z.object({
    kind: z.literal('transfer_requested'),
    destination: z.string(),
    cause: z.enum(['model', 'person', 'fallback']),
  }),
  /** Something failed that a person should know of; the call may go on. */
  z.object({
    kind: z.literal('failure'),
    part: z.enum(['stt', 'llm', 'tts', 'tool', 'room', 'session']),
    detail: z.string(),
  }),
  /** The conversation is over. `at` is when the caller left, or when the agent's last word was heard. */
  z.object({ kind: z.literal('ended'), reason: agentEndReason, at: z.number() }),
]);
export type AgentEvent = z.infer<typeof agentEvent>;

/** The caller as the agent found them in the room. */
const callerInRoom = z.object({
  identity: z.string(),
  isSip: z.boolean(),
  attributes: z.record(z.string(), z.string()),
});
export type CallerInRoom = z.infer<typeof callerInRoom>;

const claim = z.object({
  jobId: z.string(),
  room: z.string(),
  roomSid: z.string(),
  agentIdentity: z.string(),
  /** The dispatch's metadata: only a hint. */
  metadata: z.string(),
  caller: callerInRoom,
});
export type Claim = z.infer<typeof claim>;

export const fromCallHost = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), pid: z.number().int() }),
  /** Prewarm succeeded: this host can take a call. */
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('claim'), claim }),
  z.object({ type: z.literal('agent_event'), event: agentEvent }),
]);
export type FromCallHost = z.infer<typeof fromCallHost>;

const claimResult = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('job'), job: callJob }),
  /** Another agent has the call, or it was refused: leave the room in silence. */
  z.object({ kind: z.literal('leave'), reason: z.string() }),
]);
export type ClaimResult = z.infer<typeof claimResult>;

export const fromService = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('init'),
    providers: providerKeys,
    log: z.object({ level: z.string(), pii: z.boolean() }),
    /** The job of a call that nobody makes, to warm up with. */
    warmUpJob: callJob,
  }),
  /** The claim takes longer, for example while the database is away: the caller is to hear `text` meanwhile. */
  z.object({ type: z.literal('wait'), text: z.string(), cachedSpeech: callJob.shape.cachedSpeech }),
  z.object({ type: z.literal('claim_result'), result: claimResult }),
  z.object({ type: z.literal('say'), text: z.string() }),
  /** End the call politely: say the text, if any, let it play out, then report `ended` with the reason. */
  z.object({ type: z.literal('end'), say: z.string().nullable(), reason: agentEndReason }),
  /** Tell the caller that they are being transferred, then report `transfer_requested`. */
  z.object({ type: z.literal('transfer'), destination: z.string() }),
  /** The transfer failed: tell the caller, and go on. */
  z.object({ type: z.literal('resume') }),
  /** `ended` was recorded and the room is gone: the host may stop. */
  z.object({ type: z.literal('done') }),
]);
export type FromService = z.infer<typeof fromService>;

/** Reads one frame. @throws ZodError or SyntaxError on anything that doesn't match the schema */
export const readMessage = <T>(schema: z.ZodType<T>, frame: string): T => schema.parse(JSON.parse(frame));
