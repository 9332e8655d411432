/** A client of LiveKit's server API. Deleting what is already gone succeeds: rooms and participants also end by themselves. */
import { AgentDispatchClient, RoomServiceClient, SipClient, TokenVerifier } from 'livekit-server-sdk';
import type { RoomMember } from './room.ts';
import { livekitRequest } from './request.ts';

export type Livekit = Readonly<{
  /** Dispatches an agent to a room, which is created if necessary. */
  dispatch: (room: string, agentName: string, metadata: string) => Promise<void>;
  /** When a worker on any machine last accepted the job for a room; null: never. */
  acceptedAt: (room: string) => Promise<Date | null>;
  /** Creates a room that closes by itself if nobody joins within this time. */
  createRoom: (room: string, emptyTimeoutSeconds: number) => Promise<void>;
  /** Closes a room, which disconnects everyone in it. */
  deleteRoom: (room: string) => Promise<void>;
  /** Transfers the caller to another number (SIP REFER), and settles once it has answered. On failure the caller stays in the room. */
  transfer: (room: string, identity: string, number: string) => Promise<void>;
  removeParticipant: (room: string, identity: string) => Promise<void>;
  /** The participants of a room; null if there is no such room. */
  members: (room: string) => Promise<readonly RoomMember[] | null>;
  /** The rooms that have participants. */
  busyRooms: () => Promise<readonly string[]>;
  /** The rooms among these that exist. */
  existingRooms: (rooms: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Whether the server responds. */
  isReachable: () => Promise<boolean>;
}>;

// ParticipantInfo.Kind of livekit_models.proto.
const kindSip = 3;
const kindAgent = 4;

const requestTimeoutSeconds = 5;
/** How long the transfer target's phone rings. The SDK waits slightly longer. */
const transferRingSeconds = 30;

const statusOf = (error: unknown): number | null =>
  error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : null;

const ignoreNotFound = async (request: Promise<unknown>): Promise<void> => {
  try {
    await request;
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
};

/**
 * A client of the LiveKit server at `url` (ws… or http…). Doesn't connect by itself. All functions throw AppError
 * `livekit_unavailable` if the server rejects a request or doesn't respond within 5 s.
 */
export const openLivekit = (options: { url: string; apiKey: string; apiSecret: string }): Livekit => {
  const { url, apiKey, apiSecret } = options;
  const rooms = new RoomServiceClient(url, apiKey, apiSecret, { requestTimeout: requestTimeoutSeconds });
  const sip = new SipClient(url, apiKey, apiSecret);
  const dispatches = new AgentDispatchClient(url, apiKey, apiSecret, { requestTimeout: requestTimeoutSeconds });
  return {
    dispatch: async (room, agentName, metadata) => {
      await livekitRequest('dispatch an agent', dispatches.createDispatch(room, agentName, { metadata }));
    },
    acceptedAt: (room) => livekitRequest('list the dispatches of a room', lastAccepted(dispatches, room)),
    createRoom: async (name, emptyTimeout) => {
      await livekitRequest('create a room', rooms.createRoom({ name, emptyTimeout }));
    },
    deleteRoom: (room) => livekitRequest('delete a room', ignoreNotFound(rooms.deleteRoom(room))),
    transfer: async (room, identity, number) => {
      const transferring = sip.transferSipParticipant(room, identity, `tel:${number}`, {
        playDialtone: true,
        ringingTimeout: transferRingSeconds,
      });
      await livekitRequest('transfer the caller', transferring);
    },
    removeParticipant: (room, identity) =>
      livekitRequest('remove a participant', ignoreNotFound(rooms.removeParticipant(room, identity))),
    members: (room) => livekitRequest('list the participants of a room', membersOf(rooms, room)),
    busyRooms: async () =>
      (await livekitRequest('list its rooms', rooms.listRooms())).flatMap(({ name, numParticipants }) =>
        numParticipants > 0 ? [name] : [],
      ),
    existingRooms: async (names) =>
      new Set((await livekitRequest('list its rooms', rooms.listRooms([...names]))).map((room) => room.name)),
    isReachable: () =>
      rooms.listRooms(['-']).then(
        () => true,
        () => false,
      ),
  };
};

const lastAccepted = async (dispatches: AgentDispatchClient, room: string): Promise<Date | null> => {
  const jobs = (await dispatches.listDispatch(room)).flatMap(({ state }) => state?.jobs ?? []);
  const nanoseconds = jobs.map(({ state }) => Number(state?.startedAt ?? 0));
  const last = Math.max(0, ...nanoseconds);
  return last === 0 ? null : new Date(last / 1e6);
};

const membersOf = async (rooms: RoomServiceClient, room: string): Promise<readonly RoomMember[] | null> => {
  if ((await rooms.listRooms([room])).length === 0) return null;
  const participants = await rooms.listParticipants(room).catch((error: unknown) => {
    if (statusOf(error) === 404) return [];
    throw error;
  });
  return participants.map(({ identity, kind, attributes }) => ({
    identity,
    kind: Number(kind) === kindAgent ? 'agent' : Number(kind) === kindSip ? 'sip' : 'other',
    attributes,
  }));
};

/** The claims of a JWT signed with our key, or null if the token is invalid. */
export const readToken = async (
  token: string,
  keys: { apiKey: string; apiSecret: string },
): Promise<Readonly<Record<string, unknown>> | null> => {
  try {
    return { ...(await new TokenVerifier(keys.apiKey, keys.apiSecret).verify(token)) };
  } catch {
    return null; // an invalid token is an expected outcome
  }
};
