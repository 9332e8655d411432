import { DisconnectReason } from '@livekit/rtc-node';
import { expect, test } from 'vitest';
import { reasonOfLeaving } from '#agents/telephony/room/caller-presence.ts';

test.each([
  [DisconnectReason.CLIENT_INITIATED, 'caller_hangup'],
  [DisconnectReason.USER_REJECTED, 'caller_hangup'],
  [undefined, 'caller_hangup'],
  [DisconnectReason.CONNECTION_TIMEOUT, 'caller_lost'],
  [DisconnectReason.MEDIA_FAILURE, 'caller_lost'],
  [DisconnectReason.SIP_TRUNK_FAILURE, 'caller_lost'],
  [DisconnectReason.ROOM_DELETED, 'ended_by_service'],
  [DisconnectReason.PARTICIPANT_REMOVED, 'ended_by_service'],
] as const)('a caller who leaves with reason %s: %s', (reason, expected) =>
  expect(reasonOfLeaving(reason)).toBe(expected),
);
