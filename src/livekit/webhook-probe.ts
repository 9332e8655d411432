/**
 * Remembers which LiveKit webhooks reached this process recently. `check:inbound` creates a room and asks whether its events arrive.
 * In memory, and bounded whatever is sent.
 *
 * Glossary
 *   check room   a room created by `check:inbound`: always empty, with an unguessable name
 *   unproven     a request in the form of a LiveKit webhook that fails authentication (see `explainUnproven`)
 */
import { randomBytes } from 'node:crypto';
import type { Unproven } from './webhook-auth.ts';

const roomPrefix = 'check-';

/** A new name for a check room. */
export const newCheckRoom = (): string => roomPrefix + randomBytes(18).toString('base64url');

/** What this process has received for a check room. */
export type ProbeStatus = Readonly<{
  /** Whether an authenticated event of this room arrived. */
  arrived: boolean;
  /** The latest unproven request within the last minute, and their count. */
  unproven: null | Readonly<Unproven & { count: number; secondsAgo: number }>;
}>;

export type WebhookProbe = Readonly<{
  /** Records the body of an authenticated webhook. */
  recordAuthentic: (body: Buffer) => void;
  recordUnproven: (unproven: Unproven) => void;
  status: (room: string) => ProbeStatus;
}>;

/** Several checks may run at once. */
const maxRooms = 20;
const rememberedMs = 60_000;

export const createWebhookProbe = (now: () => Date): WebhookProbe => {
  const rooms = new Set<string>();
  let last: (Unproven & { atMs: number; count: number }) | null = null;
  const isRecent = (atMs: number): boolean => now().getTime() - atMs < rememberedMs;
  return {
    recordAuthentic: (body) => {
      if (!body.includes(roomPrefix)) return; // the common case, kept cheap
      const [, room] = /"(check-[\w-]{24})"/.exec(body.toString('utf8')) ?? [];
      if (room === undefined) return;
      rooms.add(room);
      const [oldest] = rooms;
      if (rooms.size > maxRooms && oldest !== undefined) rooms.delete(oldest);
    },
    recordUnproven: (unproven) => {
      const count = last !== null && isRecent(last.atMs) ? last.count + 1 : 1;
      last = { ...unproven, count, atMs: now().getTime() };
    },
    status: (room) => {
      const arrived = rooms.has(room);
      if (last === null || !isRecent(last.atMs)) return { arrived, unproven: null };
      const { kind, issuer, count, atMs } = last;
      return { arrived, unproven: { kind, issuer, count, secondsAgo: (now().getTime() - atMs) / 1000 } };
    },
  };
};
