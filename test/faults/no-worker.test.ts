/** No agent is available for a caller: the service runs, but its worker is not registered with LiveKit. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { closeRtc } from '#src/simulators/caller/caller.ts';
import { measured } from '#test/support/measured.ts';
import { finalRecords, startTestService, untilRecorded, type TestService } from '#test/support/service.ts';
import { answerEverything, greeted, limit, hangUp, isComplete } from './talk.ts';

const desk = { name: 'Front desk', number: '+15550001111' };

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    campaign: { transferDestinations: [desk] },
  });
  await answerEverything(service.providers);
}, 300_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await closeRtc();
});
beforeEach(() => service.project.admitWorkers(false));

const isHealthy = async (): Promise<boolean> => (await fetch(`${service.url}/api/v1/webhooks/health`)).ok;

const storyOf = async (callId: string) =>
  (await service.ctx.db.callEvent.findMany({ where: { callId }, orderBy: { seq: 'asc' } })).flatMap(({ type, data }) =>
    type === 'redispatched' || type === 'fallback' ? [[type, data]] : [],
  );

describe('dispatch lost, no worker', () => {
  test('tried again once, then the transfer destination that the campaign names', async (context) => {
    await service.setCampaign({ fallbackTransferTo: desk.name });
    const caller = await service.phone({ agentName: service.agentName });
    service.project.onTransfer = () => caller.hangUp();
    const startedAt = Date.now();
    await untilRecorded(service, caller.call.room, ({ call }) => call.endReason === 'transferred', 30_000);
    expect.soft(measured(context, Date.now() - startedAt, 'until connected')).toBeLessThan(limit(16_000));
    const { call } = await finalRecords(service, caller.call.room);
    expect(call).toMatchObject({ status: 'completed', transferTo: desk.number, transferState: 'done', attempt: 0 });
    expect(service.project.transfers).toHaveLength(1);
    expect(await storyOf(call.id)).toEqual([
      ['redispatched', { reason: 'no_agent', attempt: 0 }],
      ['fallback', { reason: 'no_agent', how: 'transfer' }],
    ]);
  });

  test.runIf(isComplete)(
    '… where it names nobody, the caller does not wait any longer; the next one is answered',
    async () => {
      await service.setCampaign({ fallbackTransferTo: null });
      const caller = await service.phone({ agentName: service.agentName });
      expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
      const { call } = await finalRecords(service, caller.call.room);
      expect(call).toMatchObject({ status: 'completed', endReason: 'no_agent', answeredAt: null });
      expect(await storyOf(call.id)).toEqual([
        ['redispatched', { reason: 'no_agent', attempt: 0 }],
        ['fallback', { reason: 'no_agent', how: 'hang_up' }],
      ]);
      service.project.admitWorkers(true);
      await expect.poll(isHealthy, { timeout: 30_000 }).toBe(true);
      const { caller: next } = await greeted(() => service.phone({ agentName: service.agentName }));
      await hangUp(service, next);
    },
  );
});
