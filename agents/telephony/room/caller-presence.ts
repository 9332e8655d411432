/** Who is in the room: the caller's coming, being reachable, and leaving. */
import {
  DisconnectReason,
  ParticipantKind,
  RoomEvent,
  type Participant,
  type RemoteParticipant,
  type Room,
} from '@livekit/rtc-node';
import type { CallerInRoom, AgentEndReason } from '#src/protocol/messages.ts';

const notCallers: (ParticipantKind | undefined)[] = [
  ParticipantKind.AGENT,
  ParticipantKind.EGRESS,
  ParticipantKind.INGRESS,
];

/** Waits for somebody to talk to; who is there already counts. Null after `timeoutMs`, or when the room closes. */
export const waitForCaller = (room: Room, timeoutMs: number): Promise<RemoteParticipant | null> =>
  untilInRoom(room, timeoutMs, RoomEvent.ParticipantConnected, () => {
    const callers = [...room.remoteParticipants.values()].filter(({ info }) => !notCallers.includes(info.kind));
    return callers.find((caller) => caller.info.kind === ParticipantKind.SIP) ?? callers[0] ?? null;
  });

/** The caller as the service wants to know them. */
export const describeCaller = (caller: RemoteParticipant): CallerInRoom => ({
  identity: caller.identity,
  isSip: caller.info.kind === ParticipantKind.SIP,
  attributes: { ...caller.attributes },
});

/**
 * Waits until the caller's media flows: `sip.callStatus` is `active`; a participant without that attribute always is. False
 * when it is not so after `timeoutMs`.
 */
export const waitForActive = async (room: Room, caller: Participant, timeoutMs: number): Promise<boolean> =>
  (await untilInRoom(room, timeoutMs, RoomEvent.ParticipantAttributesChanged, () =>
    ['active', undefined].includes(caller.attributes['sip.callStatus']) ? true : null,
  )) ?? false;

/**
 * Waits until somebody takes our voice: before that nothing is heard. False when nobody has after `timeoutMs`. To be called
 * before anything is published.
 */
export const waitForListener = async (room: Room, timeoutMs: number): Promise<boolean> => {
  let listening: true | null = null;
  const note = () => {
    listening = true;
  };
  room.prependListener(RoomEvent.LocalTrackSubscribed, note);
  const heard = await untilInRoom(room, timeoutMs, RoomEvent.LocalTrackSubscribed, () => listening);
  room.off(RoomEvent.LocalTrackSubscribed, note);
  return heard ?? false;
};

const untilInRoom = async <T>(
  room: Room,
  timeoutMs: number,
  event: RoomEvent.ParticipantConnected | RoomEvent.ParticipantAttributesChanged | RoomEvent.LocalTrackSubscribed,
  look: () => T | null,
): Promise<T | null> => {
  const settled = Promise.withResolvers<T | null>();
  const check = () => {
    const found = look();
    if (found !== null) settled.resolve(found);
  };
  const giveUp = () => settled.resolve(null);
  const timer = setTimeout(giveUp, timeoutMs);
  room.on(event, check);
  room.on(RoomEvent.Disconnected, giveUp);
  check();
  try {
    return await settled.promise;
  } finally {
    clearTimeout(timer);
    room.off(event, check);
    room.off(RoomEvent.Disconnected, giveUp);
  }
};

/** When our connection ends, everybody seems to leave, at the same moment. */
const lostTogetherMs = 300;

/** Calls `onEnd` when the caller leaves or we lose the room. */
export const watchRoom = (room: Room, identity: string, onEnd: (reason: AgentEndReason) => void): Disposable => {
  let unsure: NodeJS.Timeout | undefined;
  let isReconnecting = false;
  const onReconnecting = () => (isReconnecting = true);
  const onReconnected = () => (isReconnecting = false);
  const onLeft = ({ identity: leaving, disconnectReason }: RemoteParticipant) => {
    if (leaving !== identity) return;
    const isUnknown = disconnectReason === undefined || disconnectReason === DisconnectReason.UNKNOWN_REASON;
    // Who isn't there any more after the server was away lost it too.
    const reason = isUnknown && isReconnecting ? 'caller_lost' : reasonOfLeaving(disconnectReason);
    // Without a reason it may be we who lost the room, which is told next.
    if (isUnknown) unsure = setTimeout(() => onEnd(reason), lostTogetherMs);
    else onEnd(reason);
  };
  const onLost = (reason: DisconnectReason) => onEnd(reasonOfLosing(reason));
  room.on(RoomEvent.ParticipantDisconnected, onLeft);
  room.on(RoomEvent.Disconnected, onLost);
  room.on(RoomEvent.Reconnecting, onReconnecting);
  room.on(RoomEvent.Reconnected, onReconnected);
  // Who left between claiming and watching is told of at once.
  if (!room.remoteParticipants.has(identity)) onEnd('caller_hangup');
  return {
    [Symbol.dispose]: () => {
      clearTimeout(unsure);
      room.off(RoomEvent.ParticipantDisconnected, onLeft);
      room.off(RoomEvent.Disconnected, onLost);
      room.off(RoomEvent.Reconnecting, onReconnecting);
      room.off(RoomEvent.Reconnected, onReconnected);
    },
  };
};

const lost = [
  DisconnectReason.CONNECTION_TIMEOUT,
  DisconnectReason.MEDIA_FAILURE,
  DisconnectReason.SIP_TRUNK_FAILURE,
  DisconnectReason.SIGNAL_CLOSE,
  DisconnectReason.STATE_MISMATCH,
  DisconnectReason.JOIN_FAILURE,
];
const byUs = [DisconnectReason.ROOM_DELETED, DisconnectReason.ROOM_CLOSED, DisconnectReason.PARTICIPANT_REMOVED];

/** What the caller's leaving means for the call. */
export const reasonOfLeaving = (reason: DisconnectReason | undefined): AgentEndReason => {
  if (reason === undefined) return 'caller_hangup';
  if (lost.includes(reason)) return 'caller_lost';
  return byUs.includes(reason) ? 'ended_by_service' : 'caller_hangup';
};

/** What it means that we are out of the room ourselves. */
const reasonOfLosing = (reason: DisconnectReason): AgentEndReason =>
  [...byUs, DisconnectReason.CLIENT_INITIATED].includes(reason) ? 'ended_by_service' : 'agent_error';
