/**
 * The caller is connected with a person: by order, by the model, or since the conversation can't go on. Real calls; who answers the
 * REFER is made up at LiveKit's SIP API.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { sendCommand } from '#src/calls/control/send-command.ts';
import { transferCaller } from '#src/calls/control/transfer-caller.ts';
import { defaultSystemMessages } from '#src/campaigns/campaign.ts';
import { closeRtc, type Caller } from '#src/simulators/caller/caller.ts';
import { grantScope } from '#src/tenants/grant-scope.ts';
import { finalRecords, startTestService, untilRecorded, type TestService } from '#test/support/service.ts';

const line = 'Please connect me with a person';
const desk = { name: 'Front desk', number: '+15550001111' };
const other = { name: 'Doctor', number: '+15550002222' };
const plain = { transferDestinations: [desk, other], fallbackTransferTo: null };

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    campaign: plain,
  });
}, 300_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await closeRtc();
});
beforeEach(async () => {
  service.project.transfers.length = 0;
  service.project.onTransfer = () => Promise.resolve();
  await service.providers.clearFaults();
  await service.setCampaign(plain);
  await service.providers.setScenario({
    name: 'demo',
    caller: [line],
    repeat: true,
    replies: [{ when: 'person', say: '', tool: { name: 'transfer_call', arguments: { destination: other.name } } }],
    otherwise: 'Yes.',
  });
});

const greeted = async (): Promise<Caller> => {
  const caller = await service.phone({ agentName: service.agentName });
  await caller.whenAgentSpeaks({ timeoutMs: 15_000, since: caller.dialedAt });
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  return caller;
};

/** As the carrier does once the person has answered: the caller's leg to us ends. */
const takenOver = (caller: Caller) => () => caller.hangUp();

const order = async (caller: Caller, given: { type: 'end' | 'say' | 'transfer'; text: string | null }) => {
  const { id, tenantId } = await service.ctx.db.callLog.findFirstOrThrow({
    where: { roomName: caller.call.room },
  });
  await sendCommand(service.ctx, grantScope(tenantId ?? ''), id, { ...given, requestedBy: 'somebody' });
};

const eventsOf = async (callId: string): Promise<string[]> =>
  (await service.ctx.db.callEvent.findMany({ where: { callId }, orderBy: { seq: 'asc' } })).map(({ type }) => type);

const agentTexts = (turns: readonly { role: string; text: string }[]) =>
  turns.flatMap(({ role, text }) => (role === 'agent' ? [text] : []));

test('by order: the caller is told, the person takes them over, and the record says so', async () => {
  const caller = await greeted();
  service.project.onTransfer = takenOver(caller);
  await order(caller, { type: 'transfer', text: desk.name });
  const { call, turns } = await finalRecords(service, caller.call.room);
  expect(service.project.transfers).toEqual([
    { room: caller.call.room, identity: caller.call.identity, to: `tel:${desk.number}` },
  ]);
  expect(agentTexts(turns).at(-1)).toBe(defaultSystemMessages.transfer);
  await untilRecorded(service, caller.call.room, (records) => records.call.transferState === 'done');
  expect(call).toMatchObject({ status: 'completed' });
  await untilRecorded(service, caller.call.room, (records) => records.call.endReason === 'transferred');
  expect(await eventsOf(call.id)).toEqual(
    expect.arrayContaining(['command_delivered', 'transfer_requested', 'transferred']),
  );
});

test('nobody takes the call: the caller is told, and the conversation goes on', async () => {
  const caller = await greeted();
  service.project.onTransfer = () => Promise.reject(new Error('busy here'));
  await order(caller, { type: 'transfer', text: desk.name });
  await untilRecorded(service, caller.call.room, ({ turns }) =>
    agentTexts(turns).includes(defaultSystemMessages.transferFailed),
  );
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  await service.providers.queueUtterance('Are you still there');
  const { lastSampleAt } = await caller.say('Are you still there');
  await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: lastSampleAt });
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  await caller.hangUp();
  const { call, turns } = await finalRecords(service, caller.call.room);
  expect(agentTexts(turns).at(-1)).toBe('Yes.');
  expect(call).toMatchObject({ endReason: 'caller_hangup', transferState: 'failed', transferredAt: null });
});

test('the model connects with whom the campaign lists', async () => {
  const caller = await greeted();
  service.project.onTransfer = takenOver(caller);
  await caller.say(line);
  const { call } = await finalRecords(service, caller.call.room);
  expect(service.project.transfers).toMatchObject([{ to: `tel:${other.number}` }]);
  await untilRecorded(service, caller.call.room, (records) => records.call.endReason === 'transferred');
  expect(call).toMatchObject({ status: 'completed', transferTo: other.number });
});

test('whoever talks the model into another number is not connected, and nothing secret can be talked out of it', async () => {
  const destination = '+15559990000';
  await service.providers.setScenario({
    name: 'demo',
    caller: [line],
    repeat: true,
    replies: [
      { when: 'person', say: '', tool: { name: 'transfer_call', arguments: { destination } }, times: 1 },
      { when: { tool: 'transfer_call' }, say: 'I can only connect you with our front desk.' },
    ],
  });
  const caller = await greeted();
  const { lastSampleAt } = await caller.say(line);
  await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: lastSampleAt });
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  await caller.hangUp();
  const { call, turns } = await finalRecords(service, caller.call.room);
  expect(service.project.transfers).toEqual([]);
  expect(call).toMatchObject({ endReason: 'caller_hangup', transferState: null, transferTo: null });
  expect(agentTexts(turns).at(-1)).toBe('I can only connect you with our front desk.');
  // What it doesn't know it can't reveal: no key, no number of a person, nothing of the machine.
  const known = JSON.stringify((await service.providers.log()).lastChat);
  const secrets = Object.entries(service.env).filter(([name]) => /KEY|SECRET|DATABASE/.test(name));
  expect(secrets.length).toBeGreaterThan(4);
  for (const [name, secret] of secrets) expect(known.includes(secret ?? name), name).toBe(false);
  for (const { number } of [desk, other]) expect(known).not.toContain(number);
});

test('… nor does the service itself, whatever a call process asks for', async () => {
  const caller = await greeted();
  const { id } = await service.ctx.db.callLog.findFirstOrThrow({ where: { openRoom: caller.call.room } });
  for (const destination of ['+15559990000', 'Back office', 'tel:+15559990000;x'])
    expect(await transferCaller(service.ctx, id, { destination, cause: 'model' })).toBe('refused');
  expect(service.project.transfers).toEqual([]);
  expect((await eventsOf(id)).filter((type) => type === 'transfer_refused')).toHaveLength(3);
});

test('the conversation cannot go on: the person whom the campaign names takes over', async () => {
  await service.setCampaign({ ...plain, fallbackTransferTo: desk.name });
  const caller = await greeted();
  service.project.onTransfer = takenOver(caller);
  await service.providers.setFault({ service: 'llm', times: 'all', kind: 'status', status: 500 });
  const { lastSampleAt } = await caller.say(line);
  await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: lastSampleAt });
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  await caller.say(line);
  const { call, turns } = await finalRecords(service, caller.call.room);
  expect(service.project.transfers).toMatchObject([{ to: `tel:${desk.number}` }]);
  expect(agentTexts(turns).slice(1)).toEqual([defaultSystemMessages.apology, defaultSystemMessages.transfer]);
  await untilRecorded(service, caller.call.room, (records) => records.call.endReason === 'transferred');
  expect(await eventsOf(call.id)).toContain('fallback');
});

test('… and when they do not answer either: a last sentence, and the end', async () => {
  await service.setCampaign({
    ...plain,
    fallbackTransferTo: desk.name,
    farewellSentence: 'Please call again tomorrow.',
  });
  const caller = await greeted();
  service.project.onTransfer = () => Promise.reject(new Error('no answer'));
  await service.providers.setFault({ service: 'llm', times: 'all', kind: 'status', status: 500 });
  const { lastSampleAt } = await caller.say(line);
  await caller.whenAgentSpeaks({ timeoutMs: 10_000, since: lastSampleAt });
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15_000 });
  await caller.say(line);
  expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
  const { call, turns } = await finalRecords(service, caller.call.room);
  expect(agentTexts(turns).at(-1)).toBe('Please call again tomorrow.');
  expect(call).toMatchObject({ status: 'completed', endReason: 'agent_error', transferState: 'failed' });
  expect((await eventsOf(call.id)).filter((type) => type === 'fallback')).toHaveLength(2); // the person, then the message
});

test('an order to say something, and to end', async () => {
  await service.setCampaign({ ...plain, disclosureSentence: 'This call is held by a machine.' });
  const caller = await greeted();
  await order(caller, { type: 'say', text: 'A colleague says hello.' });
  await untilRecorded(service, caller.call.room, ({ turns }) => agentTexts(turns).includes('A colleague says hello.'));
  await order(caller, { type: 'end', text: 'We close now.' });
  expect((await caller.whenEnded()).reason).toBe('ROOM_DELETED');
  const { call, turns } = await finalRecords(service, caller.call.room);
  expect(call).toMatchObject({ endReason: 'ended_by_service' });
  expect(agentTexts(turns)).toEqual([
    'This call is held by a machine.',
    defaultSystemMessages.greeting,
    'A colleague says hello.',
    'We close now.',
  ]);
});
