/** Speech prepared before the phone rings, with a real database, a real disk, and simulated providers. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { claimCall } from '#src/calls/agent-session/claim-call.ts';
import { defaultSystemMessages } from '#src/campaigns/campaign.ts';
import type { Context } from '#src/context.ts';
import { startProviders } from '#src/simulators/providers/server.ts';
import { leadInPhrasesOf } from '#src/protocol/lead-in-phrases.ts';
import { openPreparation } from '#src/campaigns/prepare-speech.ts';
import { seedTenant, testContext, type TestClock } from '#test/support/context.ts';
import { describeBothDatabases, type OpenTestDb } from '#test/support/database.ts';

const minute = 60_000;
const messages = Object.values(defaultSystemMessages).filter((text) => text !== '').length;
const leadIns = leadInPhrasesOf('en').length;
const going = new AbortController().signal;

const openPrepared = async (openDatabase: OpenTestDb, campaign: Record<string, unknown> = {}) => {
  const folder = await mkdtemp(join(tmpdir(), 'voices-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const providers = await startProviders({ delays: { speechFirstByteMs: 0, speechRealtimeFactor: 1_000 } });
  onTestFinished(() => providers[Symbol.asyncDispose]());
  const db = await openDatabase();
  const clock: TestClock = { now: new Date() };
  const lines: string[] = [];
  const env = { OPENAI_BASE_URL: providers.openaiUrl, DEEPGRAM_BASE_URL: providers.deepgramUrl, VOICE_DIR: folder };
  const more = { busy: false };
  const ctx: Context = {
    ...testContext(db, { env, clock, busy: () => (more.busy ? 'testing' : null) }),
    log: pino({ base: null, redact: { paths: ['pii'], remove: true } }, { write: (line) => void lines.push(line) }),
  };
  const seeded = await seedTenant(db, { campaign: { agentName: 'telephony-agent', ...campaign } });
  const requestCount = async (): Promise<number> =>
    (await providers.log()).requests.filter(({ kind }) => kind === 'speech' || kind === 'speak').length;
  return { ctx, clock, more, lines, providers, requestCount, seeded, prepare: openPreparation(ctx) };
};

const claimOf = (room: string) => ({
  jobId: `job-${room}`,
  room,
  roomSid: `RM_${room}`,
  agentIdentity: 'agent',
  metadata: '',
  caller: {
    identity: 'sip_1',
    isSip: true,
    attributes: { 'sip.phoneNumber': '+15551234567', 'sip.trunkPhoneNumber': '+18588796658', 'sip.callID': room },
  },
});

const preparedOf = async (ctx: Context, room: string): Promise<Record<string, string>> => {
  const outcome = await claimCall(ctx, claimOf(room), { insist: false, cameAt: ctx.now() });
  if (outcome.kind !== 'job') throw new Error(outcome.kind);
  return outcome.job.cachedSpeech;
};

describeBothDatabases('prepared speech', (openDatabase) => {
  test('is synthesized once and then part of every job; a changed text is synthesized anew', async () => {
    const setup = await openPrepared(openDatabase, { greeting: 'Welcome to {{campaign.name}} at {{tenant.name}}.' });
    const { ctx, prepare, requestCount, seeded } = setup;
    expect(await preparedOf(ctx, 'before')).toEqual({});
    await prepare(going);
    expect(await requestCount()).toBe(messages + leadIns + 1);
    await prepare(going);
    expect(await requestCount()).toBe(messages + leadIns + 1);
    const prepared = await preparedOf(ctx, 'after');
    expect(Object.keys(prepared)).toContain('Welcome to Front desk at Dental.');
    expect(Object.keys(prepared)).toContain(defaultSystemMessages.farewell);
    expect(Object.keys(prepared)).toContain('Of course,');
    expect(Object.keys(prepared)).toHaveLength(messages + leadIns);
    for (const path of Object.values(prepared)) expect((await readFile(path)).length).toBeGreaterThan(8_000);
    await ctx.db.campaign.update({ where: { id: seeded.campaign?.id ?? '' }, data: { greeting: 'Hi.' } });
    expect(Object.keys(await preparedOf(ctx, 'changed'))).not.toContain('Hi.');
    await prepare(going);
    expect(await requestCount()).toBe(messages + leadIns + 2);
    expect(Object.keys(await preparedOf(ctx, 'again'))).toContain('Hi.');
  });

  test('is in the voice of the campaign, such as one of Deepgram', async () => {
    const { ctx, prepare, providers } = await openPrepared(openDatabase, {
      voiceProvider: 'deepgram',
      voice: 'aura-2-thalia-en',
    });
    await prepare(going);
    const kinds = (await providers.log()).requests.filter(({ status }) => status === 200).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'speak')).toHaveLength(messages + leadIns);
    expect(Object.keys(await preparedOf(ctx, 'call'))).toHaveLength(messages + leadIns);
  });

  test('a failing provider is called less and less often and logged once, and nothing of it is kept', async () => {
    const greeting = 'A sentence that must not be in the log.';
    const { ctx, clock, prepare, providers, requestCount, lines } = await openPrepared(openDatabase, { greeting });
    await providers.setFault({ service: 'tts', kind: 'status', status: 500, times: 'all' });
    await prepare(going);
    expect(await requestCount()).toBe(3); // then it was left alone
    for (let round = 0; round < 12; round += 1) await prepare(going);
    expect(await requestCount()).toBe(messages + leadIns + 1);
    expect(lines).toHaveLength(messages + leadIns + 1);
    clock.now = new Date(clock.now.getTime() + minute);
    for (let round = 0; round < 12; round += 1) await prepare(going);
    expect(await requestCount()).toBe(2 * (messages + leadIns + 1));
    expect(lines).toHaveLength(messages + leadIns + 1);
    expect(lines.join('')).not.toContain('must not be in the log');
    expect(JSON.parse(lines[0] ?? '{}')).toMatchObject({ provider: 'openai', problem: 'status 500' });
    expect(await preparedOf(ctx, 'meanwhile')).toEqual({});
    await providers.clearFaults();
    clock.now = new Date(clock.now.getTime() + 2 * minute);
    await prepare(going);
    expect(Object.keys(await preparedOf(ctx, 'healed'))).toHaveLength(messages + leadIns);
  });

  test.each(['empty', 'oddBytes'] as const)('broken audio (%s) is not kept', async (kind) => {
    const { ctx, prepare, providers, lines } = await openPrepared(openDatabase);
    await providers.setFault({ service: 'tts', kind, times: 1 });
    await prepare(going);
    expect(lines).toHaveLength(1);
    expect(Object.keys(await preparedOf(ctx, 'call'))).toHaveLength(messages + leadIns - 1);
  });

  test('stops when the service is draining, at capacity or stopped', async () => {
    const { more, prepare, requestCount, providers } = await openPrepared(openDatabase);
    more.busy = true;
    await prepare(going);
    await prepare(AbortSignal.abort());
    expect(await requestCount()).toBe(0);
    more.busy = false;
    await providers.setFault({ service: 'tts', kind: 'stall', afterAudioMs: 0, times: 'all' });
    const startedAt = performance.now();
    await prepare(AbortSignal.timeout(300));
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test('is deleted after no campaign has used it for 30 days', async () => {
    const { ctx, clock, prepare, seeded } = await openPrepared(openDatabase, { greeting: 'Once.' });
    await prepare(going);
    const path = (await preparedOf(ctx, 'first'))['Once.'] ?? '';
    await ctx.db.campaign.update({ where: { id: seeded.campaign?.id ?? '' }, data: { greeting: 'Twice.' } });
    for (let day = 0; day < 32; day += 1) {
      clock.now = new Date(clock.now.getTime() + 1_441 * minute);
      await prepare(going);
    }
    await expect(readFile(path)).rejects.toThrow('ENOENT');
    expect(Object.keys(await preparedOf(ctx, 'last'))).toHaveLength(messages + leadIns);
  });
});
