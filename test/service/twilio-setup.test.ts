/** `setup:twilio`: the plan, applying it, idempotence, and conflicts with existing settings. */
import { expect, onTestFinished, test } from 'vitest';
import { command } from '#src/cli/setup-twilio.ts';
import { openDb, type Db } from '#src/database/open.ts';
import { runCommand } from '#test/support/command.ts';
import { createDatabase, describeBothDatabases, type BothDatabases } from '#test/support/database.ts';
import { startTwilioServer, type TwilioServer } from '#test/support/twilio-server.ts';

const sipUri = 'sip:clinic.sip.livekit.cloud';
const numbers = ['+18588796601', '+18588796602'] as const;

type Setup = Readonly<{
  db: Db;
  server: TwilioServer;
  tenantId: string;
  run: (...argv: string[]) => Promise<{ code: number; out: string }>;
  /** The `--json` output. */
  report: (...argv: string[]) => Promise<Report>;
}>;
type Report = {
  applied: boolean;
  trunk: { sid: string | null; name: string } | null;
  steps: { kind: string }[];
  conflicts: { kind: string; sid?: string }[];
  notes: { kind: string }[];
};

/** An account with two numbers that belong to the tenant. */
const prepare = async ({ kind, databases }: BothDatabases): Promise<Setup> => {
  const url = await createDatabase(kind, databases());
  const db = await openDb(url);
  onTestFinished(() => db[Symbol.asyncDispose]());
  const server = await startTwilioServer({ maxPageSize: 2 });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const tenant = await db.tenant.create({ data: { name: 'Dental' } });
  for (const number of numbers)
    await db.phoneNumber.create({
      data: { number, tenantId: tenant.id, providerSid: server.addNumber(number).sid, metadata: { note: 1 } },
    });
  const env = { ...server.env, DATABASE_URL: url, LIVEKIT_SIP_URI: sipUri };
  const run = (...argv: string[]) => runCommand(command, argv, env);
  const report = async (...argv: string[]) => JSON.parse((await run(...argv, '--json')).out) as Report;
  return { db, server, tenantId: tenant.id, run, report };
};

const kindsOf = (list: readonly { kind: string }[]) => list.map(({ kind }) => kind);

describeBothDatabases('setup:twilio', (_openDatabase, both) => {
  test('plans first, applies the plan with --yes, and then has nothing to do', async () => {
    const { db, server, tenantId, run, report } = await prepare(both);
    const plan = await run();
    expect(plan).toEqual({
      code: 0,
      out: [
        'would create trunk "telephony-agent Dental"',
        'would record trunk "telephony-agent Dental" as the tenant\'s',
        'would create origination URL sip:clinic.sip.livekit.cloud (priority 10, weight 10, enabled)',
        ...server.numbers.map(
          ({ phone_number, sid }) =>
            `would attach ${phone_number} (${sid}), clear its Voice URL https://demo.twilio.com/welcome/voice/`,
        ),
        'Nothing was changed. Add --yes to make these changes.\n',
      ].join('\n'),
    });
    expect([server.writes, await db.platformTrunk.count()]).toEqual([[], 0]);

    const { code, out } = await run('--yes');
    const trunk = server.trunks[0]!;
    expect([code, out]).toEqual([0, expect.stringMatching(new RegExp(`done +create trunk.*${trunk.sid}[^]*Done\\.`))]);
    expect(server.originations).toMatchObject([
      { trunk_sid: trunk.sid, sip_url: sipUri, priority: 10, weight: 10, enabled: true },
    ]);
    expect(server.numbers).toMatchObject(Array(2).fill({ trunk_sid: trunk.sid, voice_url: '' }));
    expect(await db.platformTrunk.findMany()).toMatchObject([
      { twilioTrunkSid: trunk.sid, name: 'telephony-agent Dental', tenantId, isActive: true },
    ]);
    expect((await db.phoneNumber.findFirstOrThrow()).metadata).toEqual({ note: 1, trunkSid: trunk.sid });

    const writes = server.writes.length;
    expect(await run('--yes')).toEqual({ code: 0, out: 'Nothing to do: Twilio already sends the calls to LiveKit.\n' });
    expect(await report()).toMatchObject({ applied: false, trunk: { sid: trunk.sid }, steps: [], conflicts: [] });
    expect(server.writes).toHaveLength(writes);
  });

  test('repairs settings that were changed at Twilio, and only those', async () => {
    const { server, run, report } = await prepare(both);
    await run('--yes');
    Object.assign(server.originations[0]!, { enabled: false, priority: 20 });
    server.numbers[1]!.voice_url = 'https://example.com/voice';
    expect((await run()).out).toMatch(
      /priority 20 → 10, enabled false → true\nwould attach \+18588796602 .*, clear its Voice URL https:\/\/example.com\/voice\nNothing/,
    );
    const begin = server.writes.length;
    expect(kindsOf((await report('--yes')).steps)).toEqual(['change_origination', 'attach_number']);
    expect(server.writes.slice(begin).map(({ fields }) => fields)).toEqual([
      { Priority: '10', Enabled: 'true' },
      { TrunkSid: server.trunks[0]!.sid, VoiceUrl: '' },
    ]);
    expect((await report()).steps).toEqual([]);
  });

  test('uses the trunk with the default name, or the one of --trunk', async () => {
    const { db, server, report } = await prepare(both);
    for (const name of ['A', 'B', 'telephony-agent Dental', 'C']) server.addTrunk(name);
    const [, second, third] = server.trunks;
    server.addOrigination(second!, sipUri.toUpperCase().replace('SIP:', 'sip:'));
    expect((await report()).trunk).toEqual({ sid: third!.sid, name: 'telephony-agent Dental' });
    const named = await report('--trunk', second!.sid, '--yes');
    expect(named).toMatchObject({ applied: true, trunk: { sid: second!.sid, name: 'B' } });
    expect(kindsOf(named.steps)).toEqual(['record_trunk', 'attach_number', 'attach_number']);
    expect(server.trunks).toHaveLength(4);
    // A recorded trunk takes precedence over one with the name.
    expect(await report()).toMatchObject({ trunk: { sid: second!.sid }, steps: [] });
    expect(await db.platformTrunk.count()).toBe(1);
    // A trunk deleted at Twilio is replaced; its record is deactivated.
    server.trunks = server.trunks.filter(({ sid }) => sid !== second!.sid);
    for (const number of server.numbers) number.trunk_sid = null;
    expect(kindsOf((await report('--yes')).steps).slice(0, 2)).toEqual(['retire_trunk', 'record_trunk']);
    expect(await db.platformTrunk.findMany({ orderBy: { name: 'asc' } })).toMatchObject([
      { name: 'B', isActive: false },
      { twilioTrunkSid: third!.sid, isActive: true },
    ]);
  });

  test('reports conflicts with existing settings, and changes nothing until a flag resolves them', async () => {
    const { server, run, report } = await prepare(both);
    const trunk = server.addTrunk('telephony-agent Dental');
    const other = server.addTrunk('Old');
    const url = server.addOrigination(trunk, 'sip:pbx.example.com');
    server.addOrigination(trunk, 'sip:off.example.com', { enabled: false });
    server.numbers[0]!.trunk_sid = other.sid;
    server.numbers[1]!.voice_application_sid = 'AP1';
    const { code, out } = await run('--yes');
    expect(code).toBe(1);
    for (const part of [url.sid, 'sip:pbx.example.com', '--other-origination', other.sid, 'AP1', '--move-numbers'])
      expect(out).toContain(part);
    expect(out).not.toContain('off.example.com');
    expect((await report()).conflicts).toMatchObject([
      { kind: 'other_origination', sid: url.sid },
      { kind: 'number_on_other_trunk', sid: server.numbers[0]!.sid, trunkSid: other.sid },
      { kind: 'number_in_application', sid: server.numbers[1]!.sid, applicationSid: 'AP1' },
    ]);
    expect((await run()).code).toBe(0);
    expect(server.writes).toEqual([]);
    const kept = await report('--other-origination', 'keep', '--move-numbers');
    expect([kindsOf(kept.steps).includes('disable_origination'), kept.conflicts]).toEqual([false, []]);
    expect(await report('--yes', '--other-origination', 'disable', '--move-numbers')).toMatchObject({ applied: true });
    expect(server.originations.map(({ sip_url, enabled }) => [sip_url, enabled])).toEqual([
      ['sip:pbx.example.com', false],
      ['sip:off.example.com', false],
      [sipUri, true],
    ]);
    expect(server.numbers).toMatchObject(
      Array(2).fill({ trunk_sid: trunk.sid, voice_url: '', voice_application_sid: null }),
    );
    expect((await report()).steps).toEqual([]);
  });

  test('an ambiguous or unknown trunk, or one of another tenant, is not used', async () => {
    const { db, server, run, report } = await prepare(both);
    const [first, second] = [server.addTrunk('Twin'), server.addTrunk('Twin')];
    expect((await report('--name', 'Twin')).conflicts).toEqual([
      { kind: 'trunk_ambiguous', sids: [first.sid, second.sid] },
    ]);
    expect(await run('--trunk', 'TKnone', '--yes')).toMatchObject({
      code: 1,
      out: expect.stringContaining('no trunk TKnone') as string,
    });
    const { id } = await db.tenant.create({ data: { name: 'Garage' } });
    await db.platformTrunk.create({ data: { twilioTrunkSid: first.sid, name: 'Twin', tenantId: id } });
    const { code, out } = await run('--tenant', 'Dental', '--trunk', first.sid, '--yes');
    expect([code, out]).toEqual([1, expect.stringMatching(`${first.sid} is recorded for another tenant`)]);
    expect(server.writes).toEqual([]);
  });

  test('uses the active numbers, or those of --number; reports numbers that are not in the account', async () => {
    const { db, server, run, report } = await prepare(both);
    const { id: tenantId } = await db.tenant.findFirstOrThrow();
    await db.phoneNumber.update({ where: { number: numbers[1] }, data: { isActive: false } });
    await db.phoneNumber.create({ data: { number: '+18588796603', tenantId } });
    const plan = await report();
    expect(plan.steps.filter(({ kind }) => kind === 'attach_number')).toMatchObject([{ number: numbers[0] }]);
    expect(plan.notes).toMatchObject([{ kind: 'number_not_in_account', number: '+18588796603' }]);
    const named = await report('--number', '(858) 879-6602', '--yes');
    expect(named.notes).toEqual([]);
    expect(server.numbers.map(({ trunk_sid }) => trunk_sid)).toEqual([null, server.trunks[0]!.sid]);
    await expect(run('--number', '+15550001111')).rejects.toThrow(/does not belong to the tenant/);
    await db.phoneNumber.updateMany({ data: { isActive: false } });
    await expect(run()).rejects.toThrow(/no active number: run import:twilio/);
  });

  test('the next run completes a failed one', async () => {
    const { db, server, run, report } = await prepare(both);
    server.failOn = (request) => (/^POST .*OriginationUrls$/.test(request) ? { status: 503 } : null);
    await expect(run('--yes')).rejects.toThrow(/failed to create an origination URL.*503/);
    expect([server.trunks.length, await db.platformTrunk.count()]).toEqual([1, 1]);
    server.failOn = () => null;
    expect(kindsOf((await report('--yes')).steps)).toEqual(['create_origination', 'attach_number', 'attach_number']);
    expect(server.trunks).toHaveLength(1);
    expect((await report()).steps).toEqual([]);
  });

  test('never buys or deletes anything', async () => {
    const { server, report } = await prepare(both);
    server.addOrigination(server.addTrunk('telephony-agent Dental'), 'sip:pbx.example.com');
    await report('--yes', '--other-origination', 'disable', '--move-numbers');
    expect(server.requests.filter((request) => request.startsWith('DELETE'))).toEqual([]);
    expect(server.requests.filter((request) => /^POST .*IncomingPhoneNumbers\.json$/.test(request))).toEqual([]);
    expect([server.trunks.length, server.originations.length, server.numbers.length]).toEqual([1, 2, 2]);
  });
});

test('without LIVEKIT_SIP_URI, the command explains the variable', async () => {
  const env = { TWILIO_ACCOUNT_SID: 'AC1', TWILIO_AUTH_TOKEN: 'x' };
  await expect(runCommand(command, [], env)).rejects.toThrow(
    /LIVEKIT_SIP_URI is missing: set it to .*sip:your-project/,
  );
});
