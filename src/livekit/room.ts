/**
 * A room as reported by LiveKit: its participants and events.
 *
 * Glossary
 *   joined       a caller joined the room
 *   agent_left   an agent left; changes no record, but the caller may need another agent
 *   ended        the caller left, or the room was closed
 *   dated        the event has its own timestamp, as LiveKit's do; otherwise `at` is when it arrived
 */

/** A participant of a room. */
export type RoomMember = Readonly<{
  identity: string;
  kind: 'agent' | 'sip' | 'other';
  attributes: Readonly<Record<string, string>>;
}>;

type Base = Readonly<{
  /** LiveKit's event id; null in the plain form. */
  id: string | null;
  bodyHash: string;
  event: string;
  roomName: string;
  at: Date;
  isDated: boolean;
}>;

export type RoomEvent =
  | (Base & Readonly<{ kind: 'joined'; identity: string; attributes: Readonly<Record<string, string>> }>)
  | (Base & Readonly<{ kind: 'agent_left'; identity: string }>)
  | (Base &
      Readonly<{
        kind: 'ended';
        source: 'participant_left' | 'room_finished';
        reason: string;
        duration: number | null;
        /** The participant who left; null if the room was closed. */
        identity: string | null;
      }>);
