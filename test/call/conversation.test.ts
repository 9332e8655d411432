/** Whole calls: real LiveKit server, real audio, real signed webhooks. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findTimedCall } from '#src/calls/store.ts';
import { timingOf } from '#src/calls/timing/timing.ts';
import { closeRtc, type HeardFrame } from '#src/simulators/caller/caller.ts';
import { defaultDelays } from '#src/simulators/providers/simulation/delays.ts';
import {
  callerNumber,
  dialed,
  finalRecords,
  startTestService,
  untilRecorded,
  type TestService,
} from '#test/support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
}, 300_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await closeRtc();
});

const greeting = 'Hello! This is your AI assistant. How can I help you?';
const hours = 'We are open from eight to six.';

/** Parts that are rounded for themselves may overlap by so much; so may those of two clocks. */
const roundedMs = 5;

const stages = [
  ...[
    'offered',
    'accepted',
    'entered',
    'connected',
    'callerFound',
    'claimSent',
    'claimed',
    'jobReceived',
    'sessionStarted',
  ],
  ...['active', 'first_sound', 'greeted'],
];

const scenario = (
  name: string,
  caller: string[],
  replies: {
    when: string | { tool: string };
    say?: string;
    tool?: { name: string; arguments?: Record<string, unknown> };
  }[],
) => service.providers.setScenario({ name: 'demo', caller, replies, repeat: true, otherwise: `Sorry, ${name}?` });

/** Stretches of sound with at least 200 ms of silence between them. */
const burstsOf = (frames: readonly HeardFrame[]): { from: number; to: number }[] =>
  frames
    .filter(({ rms }) => rms > 200)
    .reduce<{ from: number; to: number }[]>((bursts, { at }) => {
      const last = bursts.at(-1);
      if (last === undefined || at - last.to > 200) return [...bursts, { from: at, to: at }];
      return [...bursts.slice(0, -1), { ...last, to: at }];
    }, []);

test('asked first: greeted, answered, and the caller hangs up', async () => {
  await scenario('asked', ['What are your opening hours?'], [{ when: 'opening hours', say: hours }]);
  const caller = await service.phone({ sipInbound: { url: `${service.url}/api/v1/webhooks/livekit/sip-inbound` } });
  const greetedAt = await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  expect(greetedAt).toBeGreaterThan(caller.activeAt() ?? Infinity);
  expect(caller.audioIn.clippedMs()).toBe(0);
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  const said = await caller.say('What are your opening hours?');
  await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: said.lastSampleAt });
  await untilRecorded(service, caller.call.room, ({ turns }) => turns.length === 3);
  await caller.hangUp();
  const { call, lead, turns } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({
    status: 'completed',
    endReason: 'caller_hangup',
    phoneNumber: callerNumber,
    callSid: caller.call.callId,
    agentName: service.agentName,
    callerIdentity: caller.call.identity,
    attempt: 1,
  });
  expect(call.duration).toBeGreaterThan(2);
  expect(call.answeredAt?.getTime()).toBeGreaterThan(call.createdAt.getTime());
  expect(lead).toMatchObject({ status: 'completed', attempts: 1, lastCallAt: call.endedAt });
  expect(turns.map(({ role, text }) => [role, text])).toEqual([
    ['agent', greeting],
    ['caller', 'What are your opening hours?'],
    ['agent', hours],
  ]);
  for (const turn of turns) expect(turn.endMs).toBeGreaterThanOrEqual(turn.startMs);
  expect(turns[1]?.startMs).toBeGreaterThan(turns[0]?.startMs ?? Infinity);
  const { lastChat } = await service.providers.log();
  expect(JSON.stringify(lastChat)).toContain(`You answer the phone of Front desk for ${callerNumber}.`);
});

test('only dispatched, without metadata: routed by its SIP attributes; the agent says goodbye and hangs up', async () => {
  await scenario(
    'dispatched',
    ['Thank you, goodbye'],
    [{ when: 'goodbye', tool: { name: 'end_call', arguments: { goodbye: 'Goodbye, and have a nice day!' } } }],
  );
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  const { lastSampleAt } = await caller.say('Thank you, goodbye');
  await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: lastSampleAt });
  expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
  const { call, turns, lead } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({
    status: 'completed',
    endReason: 'agent_hangup',
    callSid: caller.call.callId,
    phoneNumber: callerNumber,
  });
  expect(lead?.status).toBe('completed');
  expect(turns.map(({ role }) => role)).toEqual(expect.arrayContaining(['agent', 'caller', 'tool']));
  expect(turns.find(({ toolName }) => toolName === 'end_call')).toBeDefined();
  expect(turns.some(({ role, text }) => role === 'agent' && text.includes('nice day'))).toBe(true);
  // The goodbye was heard to its end: the line was quiet before it went dead.
  expect((await caller.whenEnded()).at).toBeGreaterThan(caller.audioIn.lastSpeech()?.at ?? Infinity);
});

test('barge-in: the agent falls silent, and its turn says what was really heard', async () => {
  const long =
    'First I will tell you about our history. It began a long time ago in a small village. Then came the railway, and with it the tourists. After that the town grew and grew, and so did we.';
  await scenario(
    'barge',
    ['Tell me everything', 'Stop please, that is enough'],
    [
      { when: 'everything', say: long },
      { when: 'enough', say: 'Alright.' },
    ],
  );
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  const stop = await caller.synthesize('Stop please, that is enough');
  const first = await caller.say('Tell me everything');
  await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: first.lastSampleAt });
  await sleep(2_500);
  const interruptedAt = Date.now();
  await caller.say(stop);
  await untilRecorded(service, caller.call.room, ({ turns }) => turns.some(({ text }) => text === 'Alright.'));
  const { turns } = await (async () => {
    await caller.hangUp();
    return finalRecords(service, caller.call.room);
  })();
  const cut = turns.find(({ interrupted }) => interrupted);
  expect(cut?.role).toBe('agent');
  expect(cut?.text.length).toBeGreaterThan(10);
  expect(cut?.text.length).toBeLessThan(long.length - 20);
  expect(long.startsWith(cut?.text.slice(0, 20) ?? '-')).toBe(true);
  const silentSoon = caller.audioIn.frames.filter(
    ({ at, rms }) => at > interruptedAt + 1_500 && at < interruptedAt + 2_000 && rms > 1_000,
  );
  expect(silentSoon).toEqual([]);
  // What was cut off doesn't come back as a click before the reply.
  const later = burstsOf(caller.audioIn.frames.filter(({ at }) => at > interruptedAt + 100));
  expect(later.filter(({ from, to }) => to - from < 100)).toEqual([]);
  expect(turns.map(({ seq }) => seq)).toEqual(turns.map((_, n) => n));
});

test('a message is taken, and kept on the call', async () => {
  const message = { name: 'Sarah Miller', number: callerNumber, reason: 'move her appointment' };
  await scenario(
    'message',
    ['I want to talk to a person'],
    [
      { when: 'person', tool: { name: 'take_message', arguments: message } },
      { when: { tool: 'take_message' }, say: 'I have noted that.' },
    ],
  );
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  await caller.say('I want to talk to a person');
  await untilRecorded(service, caller.call.room, ({ turns }) =>
    turns.some(({ text }) => text === 'I have noted that.'),
  );
  await caller.hangUp();
  const { messages, turns } = await finalRecords(service, caller.call.room);
  expect(messages).toMatchObject([message]);
  expect(turns.find(({ toolName }) => toolName === 'take_message')?.toolArguments).toEqual(message);
});

test('pick-up has all its stages; each reply the times of the attempt that was heard, after a tool too', async () => {
  await scenario(
    'timed',
    [],
    [
      { when: 'person', tool: { name: 'take_message', arguments: { name: 'S', number: '1', reason: 'r' } } },
      { when: { tool: 'take_message' }, say: 'I have noted that.' },
      { when: 'friday', say: 'Friday it is.' },
    ],
  );
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  await service.providers.clearLog();
  const [end, ...stretches] = ['Friday', 'I would like', 'to move my appointment to'];
  await service.providers.queueUtterance([...stretches, end, 'I want to talk to a person']);
  for (const stretch of stretches) {
    await caller.say(stretch);
    await sleep(450);
  }
  const lastWordAt = Date.now();
  await caller.say(end);
  await untilRecorded(service, caller.call.room, ({ turns }) => turns.some(({ text }) => text === 'Friday it is.'));
  const { requests } = await service.providers.log();
  const chats = requests.filter(({ kind }) => kind === 'chat');
  expect(chats.length).toBeGreaterThan(1);
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  await caller.say('I want to talk to a person');
  await untilRecorded(service, caller.call.room, ({ turns }) =>
    turns.some(({ text }) => text === 'I have noted that.'),
  );
  await caller.hangUp();
  const { call, turns } = await finalRecords(service, caller.call.room);
  const timed = await findTimedCall(service.ctx.db, call.id);
  const { replies, pickup, discarded } = timingOf(timed ?? expect.fail('the call has no record'));
  // Begun at each pause, and thrown away; not more often than the framework is allowed to.
  expect(discarded).toBeGreaterThanOrEqual(1);
  expect(discarded).toBeLessThanOrEqual(6);
  const marks = pickup.stages.map(({ name }) => name);
  expect(marks.filter((name) => name !== 'came_in' && name !== 'routed')).toEqual(stages);
  expect(replies.map(({ isExact }) => isExact)).toEqual([true, true]);
  for (const { latency } of replies) {
    const { modelAsked = NaN, firstToken = NaN, voiceAsked = NaN, firstAudio = NaN, heard = NaN } = latency;
    expect(firstToken).toBeGreaterThanOrEqual(defaultDelays.firstTokenMs - roundedMs);
    expect(voiceAsked).toBeGreaterThanOrEqual(modelAsked + firstToken - roundedMs);
    expect(firstAudio).toBeGreaterThanOrEqual(defaultDelays.speechFirstByteMs - roundedMs);
    expect(heard).toBeGreaterThanOrEqual(voiceAsked + firstAudio - roundedMs);
  }
  const [askedAt = NaN, askedAgainAt = NaN] = replies.map(({ atMs, latency }) => atMs + (latency['modelAsked'] ?? NaN));
  // The last attempt: it knew the last word, and the simulator noted it when its answer was whole.
  const askedTime = call.createdAt.getTime() + askedAt;
  expect(askedTime).toBeGreaterThan(lastWordAt);
  expect(askedTime).toBeLessThanOrEqual((chats.at(-1)?.atMs ?? NaN) - defaultDelays.firstTokenMs + roundedMs);
  expect(askedAgainAt).toBeGreaterThanOrEqual(
    (turns.find(({ toolName }) => toolName === 'take_message')?.endMs ?? NaN) - roundedMs,
  );
});

test('two agents for one room: one takes the call, the other leaves silently', async () => {
  await scenario('two', ['Hello'], []);
  const caller = await service.phone({ agentName: service.agentName });
  await service.ctx.livekit.dispatch(caller.call.room, service.agentName, '');
  await caller.whenAgentSpeaks({ timeoutMs: 20_000, since: caller.dialedAt });
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  await expect
    .poll(
      async () => (await service.ctx.livekit.members(caller.call.room))?.filter(({ kind }) => kind === 'agent').length,
      { timeout: 15_000 },
    )
    .toBe(1);
  await caller.hangUp();
  const { call, turns } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ status: 'completed', attempt: 1 });
  expect(turns.filter(({ text }) => text === greeting)).toHaveLength(1);
  expect(await service.ctx.db.callLog.count({ where: { roomName: caller.call.room } })).toBe(1);
});

test('end events doubled and reordered change nothing more', async () => {
  await scenario('events', ['Hello'], []);
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  await caller.hangUp();
  await untilRecorded(service, caller.call.room, ({ call: { endSource } }) => endSource === 'link');
  const { call } = await finalRecords(service, caller.call.room);
  // LiveKit's own webhooks come in by themselves: the caller's leaving and the end of the room.
  const inbox = () => service.ctx.db.inboundEvent.count({ where: { callId: call.id } });
  await expect.poll(inbox, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
  const later = await finalRecords(service, caller.call.room);
  expect(later.call).toMatchObject({
    status: 'completed',
    duration: call.duration,
    endedAt: call.endedAt,
    endReason: 'caller_hangup',
  });
});

test('a call process that dies: another agent takes the call, in the same record', async () => {
  await scenario('dies', ['Hello'], []);
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  await caller.whenAgentQuiet({ quietMs: 500, timeoutMs: 15_000 });
  const killedAt = Date.now();
  process.kill(service.link.pidOf((await finalOrOpen(caller.call.room)).id) ?? 0, 'SIGKILL');
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: killedAt });
  await caller.hangUp();
  const { call } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ status: 'completed', attempt: 2, endReason: 'caller_hangup' });
  expect(await service.ctx.db.callLog.count({ where: { roomName: caller.call.room } })).toBe(1);
});

const finalOrOpen = async (room: string) => service.ctx.db.callLog.findFirstOrThrow({ where: { roomName: room } });

test('the whole number of calls that were placed is recorded, each final', async () => {
  const calls = await service.ctx.db.callLog.findMany();
  expect(calls.every(({ status, dialedNumber }) => status === 'completed' && dialedNumber === dialed)).toBe(true);
  expect(calls.length).toBeGreaterThanOrEqual(7);
});
