/** A caller whom nothing announces: no dispatch, no agent, and no webhook from LiveKit. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeRtc } from '#src/simulators/caller/caller.ts';
import { measured } from '#test/support/measured.ts';
import { startTestService, type TestService } from '#test/support/service.ts';
import { answerEverything, greeted, limit, hangUp } from './talk.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { PORT: '0' } });
  await answerEverything(service.providers);
}, 300_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await closeRtc();
});

describe('dispatch lost, no worker', () => {
  test('… nor a webhook: the caller is found in the rooms', async (context) => {
    const { caller, pickUpMs } = await greeted(() => service.phone());
    expect(measured(context, pickUpMs, 'until found and heard')).toBeLessThan(limit(10_000));
    const { call, events } = await hangUp(service, caller);
    expect(call).toMatchObject({ attempt: 1, callerIdentity: caller.call.identity });
    expect(events.filter((type) => type === 'redispatched')).toHaveLength(1);
  });
});
