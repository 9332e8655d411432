/**
 * Parses room events: LiveKit's webhooks (https://docs.livekit.io/home/server/webhooks) and the plain form of docs/contract.md,
 * section 3. Events that don't concern calls are ignored.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { RoomEvent } from './room.ts';
import { isStorableJson } from '../database/storable-text.ts';

const participantSchema = z.object({
  identity: z.string().default(''),
  /** The name of the kind (SIP, AGENT, …) or its number; absent for the standard kind. */
  kind: z.union([z.string(), z.number()]).optional(),
  attributes: z.record(z.string(), z.string()).default({}),
  disconnectReason: z.union([z.string(), z.number()]).optional(),
});

const webhookBody = z.object({
  event: z.string().min(1),
  id: z.string().min(1).optional(),
  createdAt: z.coerce.number().positive().optional(),
  created_at: z.coerce.number().positive().optional(),
  room: z
    .object({
      name: z.string().min(1),
      duration: z.number().nonnegative().finite().optional(),
    })
    .optional(),
  participant: participantSchema.optional(),
});
type WebhookBody = z.infer<typeof webhookBody>;
type Participant = z.infer<typeof participantSchema>;

const parse = (body: Buffer): WebhookBody => {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'));
    if (!isStorableJson(json)) throw new AppError('malformed', 'The body contains NUL characters or lone surrogates.');
    return webhookBody.parse(json);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('malformed', describeParseError(error), { cause: error });
  }
};

/** Describes a parse error: which fields are invalid, and how. */
export const describeParseError = (error: unknown): string =>
  error instanceof z.ZodError
    ? error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`).join('; ')
    : 'The body is not JSON.';

// ParticipantInfo.Kind of livekit_models.proto: 1 ingress, 2 egress, 4 agent.
const agents = ['AGENT', 4] as const;
const neverCallers = new Set<string | number>(['INGRESS', 'EGRESS', 1, 2, ...agents]);

/** The plain form has no kind, so agents are recognized by identity, such as agent-AJ_1 or telephony-agent. */
const agentLike = /(^|[-_])agent([-_]|$)/i;

const isCaller = ({ kind, identity }: Participant): boolean =>
  kind === undefined ? !agentLike.test(identity) : !neverCallers.has(kind);

const lossReasons = new Set<string | number>([
  ...['CONNECTION_TIMEOUT', 'SIGNAL_CLOSE', 'MEDIA_FAILURE', 'SIP_TRUNK_FAILURE', 'JOIN_FAILURE', 'STATE_MISMATCH'],
  ...[6, 7, 9, 13, 14, 15],
]);

const endReasonOf = ({ disconnectReason }: Participant): string =>
  disconnectReason !== undefined && lossReasons.has(disconnectReason) ? 'caller_lost' : 'caller_hangup';

/** LiveKit's timestamps are in whole seconds, so the event may be up to 999 ms later, but not after it was received. */
const eventTime = (createdAtSeconds: number | undefined, receivedAt: Date): Date =>
  createdAtSeconds === undefined
    ? receivedAt
    : new Date(Math.min(receivedAt.getTime(), Math.trunc(createdAtSeconds) * 1000 + 999));

/**
 * Parses the body of an authenticated webhook.
 * @param receivedAt when it arrived, the time of events without a timestamp
 * @returns the event, or 'ignored' if it doesn't concern a call
 * @throws AppError `malformed`
 */
export const readWebhook = (body: Buffer, receivedAt: Date): RoomEvent | 'ignored' => {
  const { event, id, createdAt, created_at, room, participant } = parse(body);
  const name = event.replaceAll('.', '_');
  if (room === undefined) return isAboutRoom(name) ? missing('room.name') : 'ignored';
  const base = {
    id: id ?? null,
    bodyHash: createHash('sha256').update(body).digest('hex'),
    event: name,
    roomName: room.name,
    at: eventTime(createdAt ?? created_at, receivedAt),
    isDated: (createdAt ?? created_at) !== undefined,
  };
  if (name === 'room_finished')
    return {
      ...base,
      kind: 'ended',
      source: 'room_finished',
      reason: 'room_finished',
      duration: room.duration === undefined ? null : Math.round(room.duration),
      identity: null,
    };
  if (!aboutParticipants.has(name)) return 'ignored';
  if (participant === undefined) return missing('participant');
  if (name === 'participant_left' && agents.some((kind) => kind === participant.kind))
    return { ...base, kind: 'agent_left', identity: participant.identity };
  if (!isCaller(participant)) return 'ignored';
  if (name === 'participant_joined')
    return { ...base, kind: 'joined', identity: participant.identity, attributes: participant.attributes };
  const duration = room.duration === undefined ? null : Math.round(room.duration);
  return {
    ...base,
    kind: 'ended',
    source: 'participant_left',
    reason: endReasonOf(participant),
    duration,
    identity: participant.identity,
  };
};

const aboutParticipants = new Set(['participant_joined', 'participant_left', 'participant_connection_aborted']);
const isAboutRoom = (name: string): boolean => name === 'room_finished' || aboutParticipants.has(name);

const missing = (field: string): never => {
  throw new AppError('malformed', `${field}: required for this event`);
};
