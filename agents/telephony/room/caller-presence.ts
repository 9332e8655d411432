/** The caller's presence in the room: joining, being able to hear the agent, and leaving. */
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

/** Waits for a caller, who may be in the room already. Null after `timeoutMs`, or when the room closes. */
export const waitForCaller = (room: Room, timeoutMs: number): Promise<RemoteParticipant | null> =>
  untilInRoom(room, timeoutMs, RoomEvent.ParticipantConnected, () => {
    const callers = [...room.remoteParticipants.values()].filter(({ info }) => !notCallers.includes(info.kind));
    return callers.find((caller) => caller.info.kind === ParticipantKind.SIP) ?? callers[0] ?? null;
  });

/** Describes the caller to the service. */
export const describeCaller = (caller: RemoteParticipant): CallerInRoom => ({
  identity: caller.identity,
  isSip: caller.info.kind === ParticipantKind.SIP,
  attributes: { ...caller.attributes },
});

/**
 * Waits until the caller's media flows, that is until `sip.callStatus` is `active`. A participant without that attribute is always
 * active. False after `timeoutMs`.
 */
export const waitForActive = async (room: Room, caller: Participant, timeoutMs: number): Promise<boolean> =>
  (await untilInRoom(room, timeoutMs, RoomEvent.ParticipantAttributesChanged, () =>
    ['active', undefined].includes(caller.attributes['sip.callStatus']) ? true : null,
  )) ?? false;

/**
 * Waits until a participant subscribes to the agent's audio, which nobody hears before. False after `timeoutMs`. To be called before
 * the track is published.
 */
export const waitForListener = async (room: Room, timeoutMs: number): Promise<boolean> => {
  let isSubscribed: true | null = null;
  const note = () => {
    isSubscribed = true;
  };
  room.prependListener(RoomEvent.LocalTrackSubscribed, note);
  const result = await untilInRoom(room, timeoutMs, RoomEvent.LocalTrackSubscribed, () => isSubscribed);
  room.off(RoomEvent.LocalTrackSubscribed, note);
  return result ?? false;
};

const untilInRoom = async <T>(
  room: Room,
  timeoutMs: number,
  event: RoomEvent.ParticipantConnected | RoomEvent.ParticipantAttributesChanged | RoomEvent.LocalTrackSubscribed,
  probe: () => T | null,
): Promise<T | null> => {
  const settled = Promise.withResolvers<T | null>();
  const check = () => {
    const found = probe();
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

/** When the agent's own connection ends, all others seem to leave within this time. */
const ownLossMs = 300;

/** Calls `onEnd` when the caller leaves or the agent loses the room. */
export const watchRoom = (room: Room, identity: string, onEnd: (reason: AgentEndReason) => void): Disposable => {
  let pendingEnd: NodeJS.Timeout | undefined;
  let isReconnecting = false;
  const onReconnecting = () => (isReconnecting = true);
  const onReconnected = () => (isReconnecting = false);
  const onLeft = ({ identity: leaving, disconnectReason }: RemoteParticipant) => {
    if (leaving !== identity) return;
    const isUnknown = disconnectReason === undefined || disconnectReason === DisconnectReason.UNKNOWN_REASON;
    // A caller who is gone after a reconnect lost the connection too.
    const reason = isUnknown && isReconnecting ? 'caller_lost' : reasonOfLeaving(disconnectReason);
    // Without a reason, the agent itself may have lost the room; that event comes next.
    if (isUnknown) pendingEnd = setTimeout(() => onEnd(reason), ownLossMs);
    else onEnd(reason);
  };
  const onLost = (reason: DisconnectReason) => onEnd(reasonOfLosing(reason));
  room.on(RoomEvent.ParticipantDisconnected, onLeft);
  room.on(RoomEvent.Disconnected, onLost);
  room.on(RoomEvent.Reconnecting, onReconnecting);
  room.on(RoomEvent.Reconnected, onReconnected);
  // The caller may have left before this function was called.
  if (!room.remoteParticipants.has(identity)) onEnd('caller_hangup');
  return {
    [Symbol.dispose]: () => {
      clearTimeout(pendingEnd);
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

/** The end reason of a call whose caller left for this reason. */
export const reasonOfLeaving = (reason: DisconnectReason | undefined): AgentEndReason => {
  if (reason === undefined) return 'caller_hangup';
  if (lost.includes(reason)) return 'caller_lost';
  return byUs.includes(reason) ? 'ended_by_service' : 'caller_hangup';
};

/** The end reason of a call whose agent was disconnected for this reason. */
const reasonOfLosing = (reason: DisconnectReason): AgentEndReason =>
  [...byUs, DisconnectReason.CLIENT_INITIATED].includes(reason) ? 'ended_by_service' : 'agent_error';
