/** Our side of LiveKit's server API. "Already gone" is success: rooms and participants end on their own too. */
import { AgentDispatchClient, RoomServiceClient, SipClient, TokenVerifier } from 'livekit-server-sdk';
import type { RoomMember } from './room.ts';
import { AppError } from '../errors.ts';

export type Livekit = Readonly<{
  /** Asks for an agent in a room. A room that doesn't exist yet is made. */
  dispatch: (room: string, agentName: string, metadata: string) => Promise<void>;
  /** When a worker, of whichever machine, last accepted the job in a room; null: none did. */
  acceptedAt: (room: string) => Promise<Date | null>;
  /** Makes an empty room, which ends by itself when nobody came within this time. */
  createRoom: (room: string, emptyTimeoutSeconds: number) => Promise<void>;
  /** Ends a room: everybody in it is hung up. */
  deleteRoom: (room: string) => Promise<void>;
  /**
   * Connects the phone caller with another number (SIP REFER), and settles once that one has answered. The caller stays where they are
   * if it fails.
   */
  transfer: (room: string, identity: string, number: string) => Promise<void>;
  removeParticipant: (room: string, identity: string) => Promise<void>;
  /** Who is in the room; null where there is no such room. */
  members: (room: string) => Promise<readonly RoomMember[] | null>;
  /** The rooms with somebody in them. */
  busyRooms: () => Promise<readonly string[]>;
  /** Which of these rooms there are. */
  existingRooms: (rooms: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Whether the server answers. */
  isReachable: () => Promise<boolean>;
}>;

// ParticipantInfo.Kind of livekit_models.proto.
const kindSip = 3;
const kindAgent = 4;

const requestTimeoutSeconds = 5;
/** So long the phone of who is to take the caller over rings. The client waits a little longer by itself. */
const transferRingsSeconds = 30;

const statusOf = (error: unknown): number | null =>
  error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : null;

const ignoreNotFound = async (request: Promise<unknown>): Promise<void> => {
  try {
    await request;
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
};

const named = async <T>(what: string, request: Promise<T>): Promise<T> => {
  try {
    return await request;
  } catch (error) {
    throw new AppError('livekit_unavailable', `LiveKit did not ${what}`, { cause: error });
  }
};

/**
 * A client of the LiveKit server at `url` (ws… or http…). Connects to nothing by itself. Its functions throw AppError
 * `livekit_unavailable` where the server refuses or does not answer within 5 s.
 */
export const openLivekit = (options: { url: string; apiKey: string; apiSecret: string }): Livekit => {
  const { url, apiKey, apiSecret } = options;
  const rooms = new RoomServiceClient(url, apiKey, apiSecret, { requestTimeout: requestTimeoutSeconds });
  const sip = new SipClient(url, apiKey, apiSecret);
  const dispatches = new AgentDispatchClient(url, apiKey, apiSecret, { requestTimeout: requestTimeoutSeconds });
  return {
    dispatch: async (room, agentName, metadata) => {
      await named('dispatch an agent', dispatches.createDispatch(room, agentName, { metadata }));
    },
    acceptedAt: (room) => named('list the dispatches of a room', lastAccepted(dispatches, room)),
    createRoom: async (name, emptyTimeout) => {
      await named('make a room', rooms.createRoom({ name, emptyTimeout }));
    },
    deleteRoom: (room) => named('delete a room', ignoreNotFound(rooms.deleteRoom(room))),
    transfer: async (room, identity, number) => {
      const transferring = sip.transferSipParticipant(room, identity, `tel:${number}`, {
        playDialtone: true,
        ringingTimeout: transferRingsSeconds,
      });
      await named('transfer the caller', transferring);
    },
    removeParticipant: (room, identity) =>
      named('remove a participant', ignoreNotFound(rooms.removeParticipant(room, identity))),
    members: (room) => named('list the participants of a room', membersOf(rooms, room)),
    busyRooms: async () =>
      (await named('list its rooms', rooms.listRooms())).flatMap(({ name, numParticipants }) =>
        numParticipants > 0 ? [name] : [],
      ),
    existingRooms: async (names) =>
      new Set((await named('list its rooms', rooms.listRooms([...names]))).map((room) => room.name)),
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

/** The claims of a JWT that LiveKit (or who has its secret) signed, or null where it proves nothing. */
export const readToken = async (
  token: string,
  keys: { apiKey: string; apiSecret: string },
): Promise<Readonly<Record<string, unknown>> | null> => {
  try {
    return { ...(await new TokenVerifier(keys.apiKey, keys.apiSecret).verify(token)) };
  } catch {
    return null; // Whatever is wrong with a token, it proves nothing: that is the answer, not an error.
  }
};
