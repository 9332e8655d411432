/** The call host that waits for the next call is dead when it comes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultGreeting } from '#src/campaigns/campaign.ts';
import { closeRtc } from '#src/simulators/caller/caller.ts';
import { measured } from '#test/support/measured.ts';
import { descendantsOf } from '#test/support/processes.ts';
import { startTestService, type TestService } from '#test/support/service.ts';
import { answer, answerEverything, ask, greeted, hangUp, textsOf, untilReady } from './talk.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
  await answerEverything(service.providers);
  await untilReady(service);
}, 300_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await closeRtc();
});

describe('kill -9 of an idle call process', () => {
  test('the next call is answered in 5 s', async (context) => {
    const idle = descendantsOf(process.pid).filter(({ command }) => command.includes('job_proc'));
    expect(idle.length).toBeGreaterThan(0);
    for (const { pid } of idle) process.kill(pid, 'SIGKILL');
    const { caller, pickUpMs } = await greeted(() => service.phone({ agentName: service.agentName }));
    expect.soft(measured(context, pickUpMs)).toBeLessThan(5_000);
    await ask(caller);
    const { turns } = await hangUp(service, caller);
    expect(textsOf(turns, 'agent')).toEqual([defaultGreeting, answer]);
  });
});
