/**
 * Reads an event: LiveKit's own webhook (https://docs.livekit.io/home/server/webhooks) or the plain form of docs/contract.md,
 * section 3. The result is about calls only; everything else is ignored.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { RoomEvent } from './room.ts';
import { isStorableJson } from '../database/storable-text.ts';

const participant = z.object({
  identity: z.string().default(''),
  /** LiveKit's spelling of a kind: SIP, AGENT …, or its number; the standard kind is left out. */
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
  participant: participant.optional(),
});
type WebhookBody = z.infer<typeof webhookBody>;
type Participant = z.infer<typeof participant>;

const parse = (body: Buffer): WebhookBody => {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'));
    if (!isStorableJson(json)) throw new AppError('malformed', 'the body contains NUL or halves of characters');
    return webhookBody.parse(json);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('malformed', readableProblem(error), { cause: error });
  }
};

/** One sentence about what is wrong with a body: which field, and how. */
export const readableProblem = (error: unknown): string =>
  error instanceof z.ZodError
    ? error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`).join('; ')
    : 'the body is not JSON';

// ParticipantInfo.Kind of livekit_models.proto: 1 ingress, 2 egress, 4 agent.
const agents = ['AGENT', 4] as const;
const neverCallers = new Set<string | number>(['INGRESS', 'EGRESS', 1, 2, ...agents]);

/** The plain form tells no kind: then an agent is who is called one, such as agent-AJ_1 or telephony-agent. */
const agentLike = /(^|[-_])agent([-_]|$)/i;

const isCaller = ({ kind, identity }: Participant): boolean =>
  kind === undefined ? !agentLike.test(identity) : !neverCallers.has(kind);

const lossReasons = new Set<string | number>([
  ...['CONNECTION_TIMEOUT', 'SIGNAL_CLOSE', 'MEDIA_FAILURE', 'SIP_TRUNK_FAILURE', 'JOIN_FAILURE', 'STATE_MISMATCH'],
  ...[6, 7, 9, 13, 14, 15],
]);

const leavingReason = (who: Participant): string =>
  who.disconnectReason !== undefined && lossReasons.has(who.disconnectReason) ? 'caller_lost' : 'caller_hangup';

/** LiveKit tells whole seconds: an event that came at once happened when it came, not up to a second earlier. */
const happenedAt = (createdAtSeconds: number | undefined, receivedAt: Date): Date =>
  createdAtSeconds === undefined
    ? receivedAt
    : new Date(Math.min(receivedAt.getTime(), Math.trunc(createdAtSeconds) * 1000 + 999));

/**
 * Translates the body of a proven webhook.
 * @param receivedAt when it came: the time of an event that tells none
 * @returns what it says about a call's room, or 'ignored'
 * @throws AppError `malformed` with what is wrong
 */
export const readWebhook = (body: Buffer, receivedAt: Date): RoomEvent | 'ignored' => {
  const { event, id, createdAt, created_at, room, participant: who } = parse(body);
  const name = event.replaceAll('.', '_');
  if (room === undefined) return isAboutRoom(name) ? missing('room.name') : 'ignored';
  const base = {
    id: id ?? null,
    bodyHash: createHash('sha256').update(body).digest('hex'),
    event: name,
    roomName: room.name,
    at: happenedAt(createdAt ?? created_at, receivedAt),
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
  if (who === undefined) return missing('participant');
  if (name === 'participant_left' && agents.some((kind) => kind === who.kind))
    return { ...base, kind: 'agent_left', identity: who.identity };
  if (!isCaller(who)) return 'ignored';
  if (name === 'participant_joined')
    return { ...base, kind: 'joined', identity: who.identity, attributes: who.attributes };
  const duration = room.duration === undefined ? null : Math.round(room.duration);
  return {
    ...base,
    kind: 'ended',
    source: 'participant_left',
    reason: leavingReason(who),
    duration,
    identity: who.identity,
  };
};

const aboutParticipants = new Set(['participant_joined', 'participant_left', 'participant_connection_aborted']);
const isAboutRoom = (name: string): boolean => name === 'room_finished' || aboutParticipants.has(name);

const missing = (field: string): never => {
  throw new AppError('malformed', `${field}: required for this event`);
};
