/** More callers at once than there are call processes ready; and one more than there may be. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultSystemMessages } from '#src/campaigns/campaign.ts';
import { closeRtc } from '#src/simulators/caller/caller.ts';
import { finalRecords, startTestService, type TestService } from '#test/support/service.ts';

const most = 4;

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    env: { MAX_CALLS: String(most), IDLE_PROCESSES: '1', MIN_FREE_MEMORY_MB: '0' },
    campaign: { maxConcurrent: 10 },
  });
}, 300_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await closeRtc();
});

const phone = async () => {
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenAgentSpeaks({ timeoutMs: 40_000, since: caller.dialedAt });
  return caller;
};

test('callers who come at once are all answered, and who comes then hears that all lines are busy', async () => {
  const callers = await Promise.all(Array.from({ length: most }, phone));
  const late = await phone();
  expect((await late.whenEnded()).reason).toBe('ROOM_DELETED');
  const refused = await finalRecords(service, late.call.room);
  expect(refused.call).toMatchObject({ status: 'rejected', rejectReason: 'busy', attempt: 0 });
  expect(refused.turns.map(({ text }) => text)).toEqual([defaultSystemMessages.full]);
  expect(service.activeCalls()).toBe(most);
  for (const caller of callers) {
    expect(caller.audioIn.clippedMs()).toBe(0);
    await caller.hangUp();
  }
  for (const { call: facts } of callers)
    expect((await finalRecords(service, facts.room)).call).toMatchObject({ status: 'completed', attempt: 1 });
});
