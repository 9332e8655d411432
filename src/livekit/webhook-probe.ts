/**
 * Which of LiveKit's webhooks reached this process lately: for the doctor, who makes a room and asks whether its events come. Kept
 * in memory, and of bounded size whoever sends what.
 *
 * Glossary
 *   check room   a room that the doctor made: nobody is ever in it, and nobody can guess its name
 *   unproven     a request in the form of LiveKit's webhooks that proves nothing (see `whyUnproven`)
 */
import { randomBytes } from 'node:crypto';
import type { Unproven } from './webhook-auth.ts';

const roomPrefix = 'check-';

/** A name for a check room. */
export const newCheckRoom = (): string => roomPrefix + randomBytes(18).toString('base64url');

/** What a process knows of the webhooks for a check room. */
export type Sighting = Readonly<{
  /** Whether a proven event of this room came. */
  arrived: boolean;
  /** The last unproven request of the last minute, and how many there were. */
  unproven: null | Readonly<Unproven & { count: number; secondsAgo: number }>;
}>;

export type Witness = Readonly<{
  /** Takes note of a body that was proven. */
  noteProven: (body: Buffer) => void;
  noteUnproven: (unproven: Unproven) => void;
  sighting: (room: string) => Sighting;
}>;

/** Several doctors may look at once. */
const maxRooms = 20;
const rememberedMs = 60_000;

/** A witness that has seen nothing yet. */
export const createWitness = (now: () => Date): Witness => {
  const rooms = new Set<string>();
  let last: (Unproven & { atMs: number; count: number }) | null = null;
  const isRecent = (atMs: number): boolean => now().getTime() - atMs < rememberedMs;
  return {
    noteProven: (body) => {
      if (!body.includes(roomPrefix)) return; // nearly every event: it costs nothing
      const [, room] = /"(check-[\w-]{24})"/.exec(body.toString('utf8')) ?? [];
      if (room === undefined) return;
      rooms.add(room);
      const [oldest] = rooms;
      if (rooms.size > maxRooms && oldest !== undefined) rooms.delete(oldest);
    },
    noteUnproven: (unproven) => {
      const count = last !== null && isRecent(last.atMs) ? last.count + 1 : 1;
      last = { ...unproven, count, atMs: now().getTime() };
    },
    sighting: (room) => {
      const arrived = rooms.has(room);
      if (last === null || !isRecent(last.atMs)) return { arrived, unproven: null };
      const { kind, issuer, count, atMs } = last;
      return { arrived, unproven: { kind, issuer, count, secondsAgo: (now().getTime() - atMs) / 1000 } };
    },
  };
};
