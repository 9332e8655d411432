/** `check:campaign` as an operator types it, against the service of `npm start`. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { checkSteps, type CheckStep } from '#src/local/check-campaign/advice.ts';
import type { CheckReport } from '#src/local/check-campaign/check-call.ts';
import { openDb, type Db } from '#src/database/open.ts';
import type { Providers } from '#src/simulators/providers/server.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { startDevStack, type Env, type DevStack } from '#src/local/dev-stack.ts';
import { seedTenant } from '#test/support/context.ts';
import { npm } from '#test/support/npm.ts';

const root = join(import.meta.dirname, '../..');
const line = 'Hello, what can you do for me?';
const answer = 'I can tell you when we are open.';

const stack = new AsyncDisposableStack();
let around: DevStack;
let providers: Providers;
let db: Db;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-check-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const bare = { PATH: process.env.PATH, HOME: process.env.HOME, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME };
  const databaseUrl = `file:${join(folder, 'check.db')}`;
  const progress = (): void => undefined;
  around = stack.use(await startDevStack({ env: bare, port: await freePort(), databaseUrl, progress }));
  if (around.providers === null) throw new Error('the providers of a test are simulated');
  providers = around.providers;
  db = stack.use(await openDb(databaseUrl));
}, 300_000);
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await providers.setScenario({
    name: 'demo',
    caller: [line],
    replies: [{ when: 'do for me', say: answer }],
    repeat: true,
  });
});

/** An active campaign with our agent and a number of its own. */
const seedCampaign = async (campaign: Record<string, unknown> = {}) => {
  const number = `+1858879${String(numbers.next++)}`;
  const data = { name: `Desk ${number}`, agentName: 'telephony-agent', greeting: 'Good morning, Desk.', ...campaign };
  return seedTenant(db, { number, campaign: data });
};
const numbers = { next: 6601 };

const startService = async (env: Env = {}): Promise<void> => {
  const started = npm(['start'], { ...around.env, IDLE_PROCESSES: '1', LOCAL_MODE: undefined, ...env });
  const livez = `http://127.0.0.1:${around.env.PORT ?? ''}/livez`;
  const isUp = () =>
    fetch(livez).then(
      ({ ok }) => ok,
      () => false,
    );
  await expect.poll(isUp, { timeout: 60_000, interval: 200 }).toBe(true);
  onTestFinished(async () => {
    started.child.kill('SIGTERM');
    await started.exited;
  });
};

const whenReady = async (): Promise<void> => {
  const health = `http://127.0.0.1:${around.env.PORT ?? ''}/api/v1/webhooks/health`;
  await expect.poll(async () => (await fetch(health)).status, { timeout: 60_000, interval: 200 }).toBe(200);
};

type Outcome = Readonly<{ code: number; out: string; stderr: string }>;

const check = (args: string[], env: Env = {}): Promise<Outcome> =>
  new Promise((resolve) => {
    const typed = ['run', '--silent', 'cli', '--', 'check:campaign', ...args];
    const options = { cwd: root, env: { ...around.env, LOCAL_MODE: undefined, ...env } };
    execFile('npm', typed, options, (error, out, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, stderr }),
    );
  });

const checkJson = async (args: string[], env: Env = {}) => {
  const { code, out, stderr } = await check([...args, '--json'], env);
  if (out === '') throw new Error(`it printed nothing: ${stderr}`);
  const report = JSON.parse(out) as CheckReport;
  const step = (name: CheckStep) => report.steps.find((one) => one.step === name);
  return { code, report, step };
};

const statesOf = ({ steps }: CheckReport) => Object.fromEntries(steps.map(({ step, state }) => [step, state]));
const all = (state: string) => Object.fromEntries(checkSteps.map((step) => [step, state]));

test('every step of a call that is answered, with its time; the call is recorded like any other', async () => {
  await startService();
  await whenReady();
  const { campaign, number } = await seedCampaign();
  const { code, report, step } = await checkJson([campaign?.name ?? '']);
  expect(statesOf(report), JSON.stringify(report.steps)).toEqual(all('ok'));
  expect([code, report.ok]).toEqual([0, true]);
  expect(report.steps.map((one) => one.step)).toEqual(checkSteps);
  expect(step('number')?.detail).toBe(number.number);
  expect(step('greeting_ended')?.detail).toBe('“Good morning, Desk.”');
  expect(step('transcribed')?.detail).toBe(`“${line}”`);
  expect(step('reply_ended')?.detail).toBe(`“${answer}”`);
  const at = (name: CheckStep): number => step(name)?.atMs ?? Number.NaN;
  const inOrder = [
    'routed',
    'room_joined',
    'picked_up',
    'greeting_heard',
    'greeting_ended',
    'caller_spoke',
    'reply_heard',
  ];
  const times = [...inOrder, 'reply_ended', 'hung_up', 'record_final'].map((name) => at(name as CheckStep));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(at('campaign')).toBe(0);
  // Saying a greeting or an answer takes time, and so does thinking of the answer.
  for (const name of ['greeting_ended', 'caller_spoke', 'reply_ended', 'reply_heard'] as const)
    expect(step(name)?.tookMs).toBeGreaterThan(300);
  const call = await db.callLog.findUniqueOrThrow({ where: { id: report.callId ?? '' }, include: { lead: true } });
  expect(call).toMatchObject({
    status: 'completed',
    endReason: 'caller_hangup',
    phoneNumber: '+15555550100',
    dialedNumber: number.number,
    campaignId: campaign?.id,
    lead: { phoneNumber: '+15555550100', attempts: 1, status: 'completed' },
  });

  // As text, for a campaign where the caller speaks first, from another number.
  const quiet = await seedCampaign({ firstSpeaker: 'caller' });
  const said = await check([
    quiet.campaign?.id ?? '',
    '--from',
    '(555) 555-0123',
    '--say',
    'What can you do for me today?',
  ]);
  expect(said.code, said.out).toBe(0);
  expect(said.out).toMatch(/^skipped +greeting heard +the caller speaks first$/m);
  expect(said.out).toMatch(/^ok +\d+ ms +\+\d+ ms +transcribed +understood: “Hello, what can you do for me\?”$/m);
  expect(said.out).toMatch(/^ok +\d+ ms +\+\d+ ms +record final +completed, caller_hangup, \d+ s; lead /m);
  const second = await db.callLog.findFirstOrThrow({ where: { campaignId: quiet.campaign?.id ?? '' } });
  expect(second.phoneNumber).toBe('+15555550123');
  expect(said.out).toContain(`The call and its lead were recorded: ${second.id}.`);

  // An agent that says goodbye and hangs up has answered too.
  await providers.setScenario({
    name: 'demo',
    caller: [line],
    replies: [
      { when: 'do for me', tool: { name: 'end_call', arguments: { goodbye: 'Nothing today, goodbye!' } } },
      { when: { tool: 'end_call' }, say: '' },
    ],
    repeat: true,
  });
  const ended = await checkJson([campaign?.id ?? '']);
  expect(statesOf(ended.report), JSON.stringify(ended.report.steps)).toEqual(all('ok'));
  expect(ended.step('reply_ended')?.detail).toBe('“Nothing today, goodbye!”');
  expect(ended.step('hung_up')?.detail).toBe('the agent had already hung up');
  expect(ended.step('record_final')?.detail).toContain('completed, agent_hangup, ');
});

test('no worker is registered: it names the step, the one before, the reason and where to look, and ends the call', async () => {
  await startService({ LIVEKIT_URL: `ws://127.0.0.1:${await freePort()}` });
  const { campaign, number } = await seedCampaign();
  const { code, out } = await check([campaign?.name ?? '']);
  expect(code).toBe(1);
  expect(out).toMatch(/^ok .* routed +agent telephony-agent, call /m);
  expect(out).toMatch(
    /^failed +\d+ ms +\+\d+ ms +agent joined +Timed out after 15000 ms waiting for an agent to join\. /m,
  );
  expect(out).toContain(': worker (not_registered), livekit.');
  expect(out).toContain(`Next: npm run cli -- check:inbound ${number.number}`);
  expect(out).toContain('Step "agent joined" failed; last successful step: "room joined".');
  expect(out).toMatch(/^ok .* hung up$/m);
  // LiveKit's webhook reports that the caller left.
  const call = await db.callLog.findFirstOrThrow({ where: { campaignId: campaign?.id ?? '' } });
  expect(call).toMatchObject({ status: 'completed', endReason: 'abandoned', openRoom: null });
});

test('it says in a sentence what is missing before it dials, and nothing is recorded', async () => {
  const { campaign, number, tenant } = await seedCampaign();
  const name = campaign?.name ?? '';
  const failing = async (args: string[], expected: Record<string, unknown>, env: Env = {}) => {
    const { code, report } = await checkJson(args, env);
    expect([code, report.ok, report.callId]).toEqual([1, false, null]);
    expect(report.steps.filter(({ state }) => state === 'failed')).toMatchObject([expected]);
    expect(report.steps.map(({ step }) => step)).toEqual(checkSteps);
  };
  const nobody = expect.stringMatching(/The service does not respond at http:\/\/127\.0\.0\.1:\d+: start it/) as string;
  await failing([name], { step: 'routed', detail: nobody });
  const elsewhere = expect.stringContaining('The service does not respond at http://127.0.0.1:10: start it') as string;
  await failing([name], { step: 'routed', detail: elsewhere }, { PUBLIC_URL: 'http://127.0.0.1:10/' });
  await failing(['Nothing'], { step: 'campaign', detail: 'There is no campaign Nothing.' });
  await failing([name, '--tenant', 'Nobody'], { step: 'campaign', detail: 'There is no tenant Nobody.' });

  await db.phoneNumber.update({ where: { id: number.id }, data: { isActive: false } });
  const inactive = expect.stringContaining(`Its number ${number.number} is inactive: activate it`) as string;
  await failing([name], { step: 'number', detail: inactive });
  await db.phoneNumber.update({ where: { id: number.id }, data: { campaignId: null } });
  await failing([name], { step: 'number', detail: expect.stringContaining('The campaign has no number') as string });

  await db.campaign.update({ where: { id: campaign?.id ?? '' }, data: { status: 'draft' } });
  const draft = `The campaign is a draft, so its calls are rejected: publish it (POST /api/v1/campaigns/${campaign?.id ?? ''}/publish).`;
  await failing([name], { step: 'campaign', detail: draft });

  const namesake = await seedCampaign({ name });
  const several = expect.stringContaining('Several campaigns have this name') as string;
  await failing([name], { step: 'campaign', detail: several });
  await failing([name, '--tenant', tenant.id], { step: 'campaign', detail: draft });
  await failing(
    [namesake.campaign?.id ?? ''],
    { step: 'caller_speech', detail: expect.stringContaining('OpenAI') as string },
    {
      OPENAI_BASE_URL: `http://127.0.0.1:${await freePort()}/v1`,
    },
  );
  expect(
    await db.callLog.count({ where: { campaignId: { in: [campaign?.id ?? '', namesake.campaign?.id ?? ''] } } }),
  ).toBe(0);
});
