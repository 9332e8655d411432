import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { claimCall } from '#src/calls/agent-session/claim-call.ts';
import { receiveCall } from '#src/calls/receive-call.ts';
import { recordAgentEvent } from '#src/calls/agent-session/record-agent-event.ts';
import type { Call } from '#src/calls/call.ts';
import type { CallTiming } from '#src/calls/timing/timing.ts';
import type { Context } from '#src/context.ts';
import { openDb } from '#src/database/open.ts';
import type { AgentEvent, SpokenTurn } from '#src/protocol/messages.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { seedTenant, testContext } from '#test/support/context.ts';
import { createDatabase, describeBothDatabases } from '#test/support/database.ts';

const root = join(import.meta.dirname, '../..');

type Outcome = Readonly<{ code: number; out: string; stderr: string }>;

/** The command as typed, in a process of its own, without a running `npm run dev`. */
const cli = async (databaseUrl: string, args: string[]): Promise<Outcome> => {
  const env = { PATH: process.env.PATH, DATABASE_URL: databaseUrl, PORT: String(await freePort()) };
  return new Promise((resolve) =>
    execFile(process.execPath, ['src/cli/main.ts', 'call:timing', ...args], { cwd: root, env }, (error, out, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, stderr }),
    ),
  );
};

const room = 'sip-room-abc123';
const incoming = {
  callSid: 'SIP-1',
  roomName: room,
  from: '+15551234567',
  trunkId: null,
  callerIdentity: null,
} as const;

/** A call that was claimed by our agent. */
const claimed = async (ctx: Context): Promise<Call> => {
  await seedTenant(ctx.db, { campaign: { agentName: ctx.config.agentName } });
  await receiveCall(ctx, { ...incoming, source: 'webhook', to: '+18588796658' });
  const caller = { identity: 'sip_1', isSip: true, attributes: { 'sip.trunkPhoneNumber': '+18588796658' } };
  const claim = { jobId: 'AJ_1', room, roomSid: 'RM_1', agentIdentity: 'agent-1', metadata: '', caller };
  const outcome = await claimCall(ctx, claim, { insist: false, cameAt: ctx.now() });
  if (outcome.kind !== 'job') throw new Error(`the claim was ${outcome.kind}`);
  return outcome.call;
};

const turn = (
  seq: number,
  role: 'agent' | 'caller',
  startedAt: number,
  latency: SpokenTurn['latency'],
): AgentEvent => ({
  kind: 'turn',
  turn: {
    seq,
    role,
    text: 'secret words',
    startedAt,
    endedAt: startedAt + 900,
    interrupted: false,
    latency,
    tool: null,
  },
});

const tell = async (ctx: Context, call: Call, agentEvents: AgentEvent[]): Promise<void> => {
  for (const event of agentEvents) await recordAgentEvent(ctx, call, event);
};

/** When the conversation starts: late enough for a slow machine to have routed and claimed the call. */
const late = 60_000;

const reached = (enteredAt: number, stages: Extract<AgentEvent, { kind: 'timing' }>['stages']): AgentEvent => ({
  kind: 'timing',
  enteredAt,
  stages,
});

/** The events of a call with two replies. The call host started at 100 ms, and answered 1 s later. */
const conversation = (at: number): AgentEvent[] => [
  reached(at + 100, {
    offered: -30,
    accepted: -20,
    connected: 200,
    callerFound: 201,
    claimSent: 202,
    jobReceived: 220,
  }),
  reached(at + 100, { sessionStarted: 600 }),
  reached(at + 100, { active: 1_000 }),
  { kind: 'answered', at: at + 1_100 },
  turn(0, 'agent', at + 1_150, { firstAudio: 20 }),
  reached(at + 100, { greeted: 2_000 }),
  turn(1, 'caller', at + 2_000, { transcript: 250, endOfTurn: 400 }),
  turn(2, 'agent', at + 3_900, { firstToken: 500, firstAudio: 120, heard: 900 }),
  turn(3, 'caller', at + 5_000, { transcript: 260, endOfTurn: 1_000 }),
  turn(4, 'agent', at + 7_020, { firstToken: 300, firstAudio: 110, heard: 1_020, modelAsked: 265, voiceAsked: 600 }),
  { kind: 'ended', reason: 'caller_hangup', at: at + 9_000 },
];

describeBothDatabases('call:timing', (_, { kind, databases }) => {
  const open = async () => {
    const url = await createDatabase(kind, databases());
    return { url, ctx: testContext(await openDb(url)) };
  };

  test('prints pickup and replies of a call, with the slowest stage of each, and nothing that was said', async () => {
    const { url, ctx } = await open();
    await using db = ctx.db;
    const call = await claimed(ctx);
    await tell(ctx, call, conversation(call.createdAt.getTime() + late));
    const { code, out, stderr } = await cli(url, [call.id]);
    expect([code, stderr]).toEqual([0, '']);
    expect(out).toContain(`Call ${call.id}: completed (caller_hangup).`);
    expect(out).toMatch(/^ +0 +\+0 {2}came_in\n[^]* routed +webhook\n/m);
    expect(out).toMatch(/ claimed +attempt 1\n/);
    expect(out).toMatch(/^ +60070 +\+\d+ {2}offered\n +60080 +\+10 {2}accepted\n +60100 +\+20 {2}entered\n/m);
    expect(out).toMatch(/^ +60300 +\+200 {2}connected\n +60301 +\+1 {2}callerFound\n +60302 +\+1 {2}claimSent\n/m);
    expect(out).toMatch(/^ +60320 +\+18 {2}jobReceived\n +60700 +\+380 {2}sessionStarted\n +61100 +\+400 {2}active\n/m);
    expect(out).toMatch(/^ +61150 +\+50 {2}first_sound\n +62100 +\+950 {2}greeted\n/m);
    expect(out).toMatch(
      /^Answered after 61100 ms\. First sound after 61150 ms\. Slowest: claimed → offered, \d+ ms\.$/m,
    );
    expect(out).toMatch(/^ {4}2 +900 +250 +30 +0 +500 +0 +120 +0 {3}model ~$/m);
    expect(out).toMatch(/^ {4}4 +1020 +260 +740 +0 +0 +0 +0 +20 {3}turn end$/m);
    expect(out).toMatch(/^ {2}p50 +900 +250 +30 /m);
    expect(out).toMatch(/^ {2}p95 +1020 +260 +740 /m);
    expect(out).toContain('Slowest stage over all replies: turn end.');
    expect(out).not.toContain('secret');
    expect(await db.callLog.count()).toBe(1);
  });

  test('prints the same JSON as the API', async () => {
    const { url, ctx } = await open();
    await using db = ctx.db;
    const call = await claimed(ctx);
    await tell(ctx, call, conversation(call.createdAt.getTime() + late));
    const { timings } = await db.callLog.findUniqueOrThrow({ where: { id: call.id } });
    expect(timings).toEqual({
      ...{
        offered: -30,
        accepted: -20,
        entered: 60_100,
        connected: 200,
        callerFound: 201,
        claimSent: 202,
        jobReceived: 220,
      },
      sessionStarted: 600,
      active: 1_000,
      greeted: 2_000,
    });
    const { out } = await cli(url, [call.id, '--json']);
    const timing = JSON.parse(out) as CallTiming;
    expect(timing).toMatchObject({
      callId: call.id,
      pickup: { answeredMs: 61_100, firstSoundMs: 61_150, unplaced: {} },
      replies: [{ seq: 2, latency: { transcript: 250, endOfTurn: 400, firstToken: 500 } }, { seq: 4 }],
      overall: {
        heardMs: { p50: 900, p95: 1_020 },
        latency: { firstAudio: { p50: 110, p95: 120 } },
        slowest: 'turn_end',
      },
    });
  });

  test('the pickup is that of the agent that answered', async () => {
    const { ctx } = await open();
    await using db = ctx.db;
    const call = await claimed(ctx);
    const at = call.createdAt.getTime();
    await tell(ctx, call, [reached(at + 50, { jobReceived: 70 }), reached(at + 50, { sessionStarted: 300 })]);
    await tell(ctx, call, [reached(at + 5_000, { jobReceived: 90 }), reached(at + 5_000, { activeTimedOut: 1_000 })]);
    const third = { ...call, attempt: 3, answeredAt: new Date() };
    await tell(ctx, third, [reached(at + 9_000, { active: 700 })]);
    const { timings } = await db.callLog.findUniqueOrThrow({ where: { id: call.id } });
    expect(timings).toEqual({ entered: 5_000, jobReceived: 90, activeTimedOut: 1_000 });
  });

  test('a rejected call, and one whose caller hung up before the answer', async () => {
    const { url, ctx } = await open();
    await using _db = ctx.db;
    const { call: refused } = await receiveCall(ctx, {
      ...{ ...incoming, callSid: 'SIP-2', roomName: 'other' },
      ...{ source: 'webhook', to: '+18005550199' },
    });
    const first = await cli(url, [refused.id]);
    expect([first.code, first.out]).toEqual([
      0,
      expect.stringContaining(`Call ${refused.id}: rejected (number_unknown).`),
    ]);
    expect(first.out).toContain('Never answered.');
    expect(first.out).toContain('No replies were measured.');

    const call = await claimed(ctx);
    const at = call.createdAt.getTime();
    await tell(ctx, call, [
      reached(at, { sessionStarted: 600 }),
      { kind: 'ended', reason: 'caller_hangup', at: at + 60_000 },
    ]);
    const { code, out } = await cli(url, [call.id]);
    expect(code).toBe(0);
    expect(out).toContain('(abandoned)');
    expect(out).toMatch(/ sessionStarted\n +60000 +\+\d+ {2}ended +abandoned\nNever answered\./);
  });

  test('an unknown or missing id is reported in one sentence', async () => {
    const { url, ctx } = await open();
    await using _db = ctx.db;
    const unknown = await cli(url, ['019a0000-0000-7000-8000-000000000000']);
    expect([unknown.code, unknown.out]).toEqual([1, '']);
    expect(unknown.stderr).toBe(
      'No call 019a0000-0000-7000-8000-000000000000 in the database of DATABASE_URL. GET /api/v1/calls lists the calls.\n',
    );
    const none = await cli(url, []);
    expect([none.code, none.out]).toEqual([1, '']);
    expect(none.stderr).toMatch(/^Exactly one call id is required: .*\n$/);
  });
});
