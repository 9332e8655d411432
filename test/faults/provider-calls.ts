/** What the tests of failing providers share: one service a file, and a caller who asks the same question again and again. */
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { closeRtc, type Caller } from '#src/simulators/caller/caller.ts';
import { finalRecords, startTestService, type TestService } from '#test/support/service.ts';
import { answer, greeted, limit, line } from './talk.ts';

/** From the caller's last word to the first sound of the agent. */
export const longestSilenceMs = limit(5_000);

export type ProviderCalls = Readonly<{
  /** There inside tests only. */
  service: () => TestService;
  /** A caller who has heard the greeting. */
  greeted: () => Promise<Caller>;
  /** Hangs up, and returns what was said after the greeting. */
  hangUp: (caller: Caller) => Promise<string[][]>;
}>;

/** Starts a service for this file whose providers do as they should at the beginning of each test. */
export const useProviderCalls = (): ProviderCalls => {
  let started: TestService | undefined;
  const service = (): TestService => started ?? expect.fail('the service runs inside tests only');
  beforeAll(async () => {
    started = await startTestService();
  }, 300_000);
  afterAll(async () => {
    await started?.[Symbol.asyncDispose]();
    await closeRtc();
  });
  beforeEach(async () => {
    await service().providers.clearFaults();
    await service().providers.setScenario({ name: 'demo', caller: [line], repeat: true, otherwise: answer });
  });
  return {
    service,
    greeted: async () => (await greeted(() => service().phone({ agentName: service().agentName }))).caller,
    hangUp: async (caller) => {
      await caller.hangUp();
      const { call, turns } = await finalRecords(service(), caller.call.room);
      expect(call).toMatchObject({ status: 'completed', endReason: 'caller_hangup' });
      expect(turns.map(({ seq }) => seq)).toEqual(turns.map((_, seq) => seq));
      return turns.slice(1).map(({ role, text }) => [role, text]);
    },
  };
};
