/** Which call a room's event is about. */
import type { RoomEvent } from '../livekit/room.ts';
import type { Call, IncomingCall } from './call.ts';

export type EndEvent = Extract<RoomEvent, { kind: 'ended' }>;

type Candidate = Pick<Call, 'createdAt' | 'openRoom' | 'callerIdentity' | 'agentIdentity'>;

/** Whether it is the caller who left. Before we have met them, LiveKit's participant kind has told (livekit/webhook.ts). */
const isAbout = (call: Candidate, event: EndEvent): boolean => {
  if (event.identity === null) return true;
  if (event.identity === call.agentIdentity) return false;
  return !event.isDated || call.callerIdentity === null || call.callerIdentity === event.identity;
};

/**
 * Which of a room's calls an end event is about. A room name may be used again: an event that happened before a call began is
 * about an earlier one.
 * @param calls the room's calls, the newest first
 */
export const callOfEvent = <C extends Candidate>(calls: readonly C[], event: EndEvent): C | null =>
  calls.find((call) => (!event.isDated || event.at >= call.createdAt) && isAbout(call, event)) ?? null;

/** The key in the inbox: LiveKit's id, else the body's hash and the call, since the same body may end the room's next call, too. */
export const inboxKey = (event: RoomEvent, callId: string): string => event.id ?? `${event.bodyHash}:${callId}`;

/** The call of a SIP participant, by its attributes (https://docs.livekit.io/sip/sip-participant); null if it is none. */
export const incomingOfAttributes = (
  source: IncomingCall['source'],
  roomName: string,
  identity: string,
  attributes: Readonly<Record<string, string>>,
): IncomingCall | null => {
  const to = attributes['sip.trunkPhoneNumber'];
  const callSid = attributes['sip.callID'];
  if (to === undefined || to === '' || callSid === undefined || callSid === '') return null;
  return {
    source,
    callSid,
    roomName,
    from: attributes['sip.phoneNumber'] ?? '',
    to,
    trunkId: attributes['sip.trunkID'] || null,
    callerIdentity: identity,
  };
};
