/** Shared by the fault tests: a caller's conversation, and the records of the call. */
import { eventName } from '#test/support/event-name.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Caller } from '#src/simulators/caller/caller.ts';
import type { Providers } from '#src/simulators/providers/server.ts';
import { finalRecords, type TestService } from '#test/support/service.ts';

export const line = 'When are you open this week?';
export const answer = 'We are open from eight to six, and on Friday until two.';
export const agentName = 'telephony-agent';

/** True in `npm run faults`, which includes the slow tests. */
export const isComplete = process.env.FAULTS === 'all';

/** All variants in `npm run faults`; in `npm test` only those that represent the rest. */
export const representative = <T>(all: readonly T[], standsForAll: (one: T) => boolean): T[] =>
  isComplete ? [...all] : all.filter(standsForAll);

/**
 * A time limit in ms, which `npm run faults` checks as it is. In `npm test` other tests run on the same cores, and it only has to hold
 * roughly.
 */
export const limit = (ms: number): number => (isComplete ? ms : 3 * ms);

/** Audio already on its way when an agent dies is heard for up to this time. */
export const lastFramesMs = 500;

/** Understands everything that a caller says as `line`, and answers it. */
export const answerEverything = (providers: Providers, otherwise = answer): Promise<void> =>
  providers.setScenario({ name: 'demo', caller: [line], repeat: true, otherwise });

type Voice = Pick<Caller, 'say' | 'whenAgentSpeaks' | 'whenAgentQuiet'>;

export const quiet = (caller: Voice): Promise<number> => caller.whenAgentQuiet({ quietMs: 1_200, timeoutMs: 20_000 });

/** Asks, and waits until the agent has answered. Returns the silence before the answer, in ms. */
export const ask = async (caller: Voice): Promise<number> => {
  const { lastSampleAt } = await caller.say(line);
  const heardAt = await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: lastSampleAt });
  await quiet(caller);
  return heardAt - lastSampleAt;
};

/** Calls, and waits until the greeting is over. `pickUpMs` is the time from dialing to the greeting. */
export const greeted = async (phone: () => Promise<Caller>): Promise<{ caller: Caller; pickUpMs: number }> => {
  const caller = await phone();
  const heardAt = await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: caller.dialedAt });
  await quiet(caller);
  return { caller, pickUpMs: heardAt - caller.dialedAt };
};

/** The id of the open call in a caller's room. */
export const callIdOf = async (service: TestService, { call: facts }: Pick<Caller, 'call'>): Promise<string> => {
  const { id } = await service.ctx.db.callLog.findFirstOrThrow({ where: { openRoom: facts.room } });
  return id;
};

/** The process that runs a caller's call. */
export const processOf = async (service: TestService, caller: Pick<Caller, 'call'>): Promise<number> => {
  const pid = service.link.pidOf(await callIdOf(service, caller));
  if (pid === null) throw new Error('no process holds the call');
  return pid;
};

/** Whether a process exists; a zombie counts too. */
export const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Hangs up, checks that there is one record with consecutively numbered turns and nobody is left in the room, and returns it. */
export const hangUp = async (service: TestService, caller: Pick<Caller, 'hangUp' | 'call'>) => {
  await caller.hangUp();
  const records = await finalRecords(service, caller.call.room);
  expect(records.call).toMatchObject({ status: 'completed', endReason: 'caller_hangup', openRoom: null });
  await expectOneRecord(service, caller.call.room, records.turns);
  await expectNobody(service, caller.call.room);
  const events = await service.ctx.db.callEvent.findMany({ where: { callId: records.call.id } });
  return { ...records, events: events.map(eventName) };
};

const expectOneRecord = async (
  service: TestService,
  roomName: string,
  turns: readonly { seq: number }[],
): Promise<void> => {
  expect(await service.ctx.db.callLog.count({ where: { roomName } })).toBe(1);
  expect(turns.map(({ seq }) => seq)).toEqual(turns.map((_, index) => (turns[0]?.seq ?? 0) + index));
};

/** No call runs any more, and nobody is in the room. */
export const expectNobody = async (service: TestService, room: string): Promise<void> => {
  await expect.poll(() => service.activeCalls(), { timeout: 10_000 }).toBe(0);
  await expect.poll(() => service.ctx.livekit.members(room), { timeout: 25_000 }).toSatisfy(isEmpty);
};

const isEmpty = (members: readonly unknown[] | null): boolean => members === null || members.length === 0;

export const textsOf = (turns: readonly { role: string; text: string }[], role: string): string[] =>
  turns.filter((turn) => turn.role === role).map(({ text }) => text);

/** Waits until `count` call hosts are ready for the next calls. */
export const untilReady = async (service: TestService, count = 1): Promise<void> => {
  for (const until = Date.now() + 30_000; service.link.ready() < count; await sleep(50))
    if (Date.now() > until) throw new Error('no call process is ready');
};
