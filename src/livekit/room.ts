/**
 * A room as LiveKit tells of it: who is in it, and what happened there.
 *
 * Glossary
 *   joined       a caller is in the room
 *   agent_left   changes no record: the caller may need another agent
 *   ended        the caller left, or the room ended
 *   dated        the event tells its own time (LiveKit's do); else `at` is when it came
 */

/** Who is in a room, as far as a call is concerned. */
export type RoomMember = Readonly<{
  identity: string;
  kind: 'agent' | 'sip' | 'other';
  attributes: Readonly<Record<string, string>>;
}>;

type Base = Readonly<{
  /** LiveKit's id of the event; null in the plain form. */
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
        /** Who left; null where the room ended. */
        identity: string | null;
      }>);
