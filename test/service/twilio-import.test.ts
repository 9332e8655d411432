/** Importing an account's numbers: the outcome for each, idempotence, and other tenants' numbers. */
import { expect, onTestFinished, test } from 'vitest';
import { command } from '#src/cli/import-twilio.ts';
import { openDb, type Db } from '#src/database/open.ts';
import type { ImportTarget } from '#src/numbers/import-decision.ts';
import { importNumbers } from '#src/numbers/import-numbers.ts';
import { grantScope } from '#src/tenants/grant-scope.ts';
import { openTwilio } from '#src/twilio/client.ts';
import { runCommand } from '#test/support/command.ts';
import { createDatabase, describeBothDatabases } from '#test/support/database.ts';
import { startTwilioServer, type TwilioServer } from '#test/support/twilio-server.ts';

const startServer = async (maxPageSize = 1000): Promise<TwilioServer> => {
  const server = await startTwilioServer({ maxPageSize });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
};

const importFrom = async (
  db: Db,
  server: TwilioServer,
  options: { tenantId: string } & Partial<Omit<ImportTarget, 'scope'>> & {
      dryRun?: boolean;
      deactivateMissing?: boolean;
    },
) => {
  const { tenantId, dryRun = false, deactivateMissing = false, campaignId = null } = options;
  const target = { scope: grantScope(tenantId), campaignId, accountSid: server.accountSid };
  const owned = await openTwilio(server).listNumbers();
  const outcomes = await importNumbers({ db }, { owned, target, dryRun, deactivateMissing });
  return outcomes.map(({ number, outcome, changes, skipReason }) =>
    [number, skipReason ?? outcome, ...changes].join(' '),
  );
};

const tenantOf = async (db: Db, name = 'Dental') => (await db.tenant.create({ data: { name } })).id;
const rowsOf = (db: Db) => db.phoneNumber.findMany({ orderBy: { number: 'asc' } });

describeBothDatabases('importing numbers', (openDatabase, { kind, databases }) => {
  test('creates all, over several pages, and changes nothing the second time', async () => {
    const db = await openDatabase();
    const server = await startServer(10);
    for (let index = 0; index < 45; index++) server.addNumber(`+185887966${String(index + 10)}`);
    const tenantId = await tenantOf(db);
    const first = await importFrom(db, server, { tenantId });
    expect(server.requests).toHaveLength(5);
    expect(first).toHaveLength(45);
    expect(first.every((line) => line.endsWith(' created'))).toBe(true);
    const rows = await rowsOf(db);
    expect(rows[0]).toMatchObject({
      number: '+18588796610',
      type: 'LOCAL',
      provider: 'TWILIO',
      providerSid: server.numbers[0]!.sid,
      tenantId,
      campaignId: null,
      isActive: true,
      purchasedAt: new Date('2025-10-07T15:30:00Z'),
      metadata: {
        capabilities: { voice: true, sms: true, mms: true, fax: false },
        importedFrom: server.accountSid,
        trunkSid: null,
      },
    });
    const second = await importFrom(db, server, { tenantId });
    expect(second.every((line) => line.endsWith(' unchanged'))).toBe(true);
    expect(await rowsOf(db)).toEqual(rows);
  });

  test("reports which fields it updates, and keeps the operator's settings", async () => {
    const db = await openDatabase();
    const server = await startServer();
    const tenantId = await tenantOf(db);
    const desk = await db.campaign.create({ data: { tenantId, name: 'Desk' } });
    const other = await db.campaign.create({ data: { tenantId, name: 'Other' } });
    await db.phoneNumber.createMany({
      data: [
        { number: '+18005550100', tenantId, isActive: false, metadata: { note: 'main' } },
        { number: '+18588796658', tenantId, campaignId: other.id },
      ],
    });
    const tollFree = server.addNumber('+18005550100', { trunk_sid: 'TK1' });
    server.addNumber('+18588796658', { date_created: 'nonsense' });
    expect(await importFrom(db, server, { tenantId, campaignId: desk.id })).toEqual([
      '+18005550100 updated type sid purchasedAt campaign capabilities account trunk',
      '+18588796658 updated sid capabilities account',
    ]);
    expect(await rowsOf(db)).toMatchObject([
      { type: 'TOLL_FREE', isActive: false, campaignId: desk.id, metadata: { note: 'main', trunkSid: 'TK1' } },
      { type: 'LOCAL', isActive: true, campaignId: other.id, purchasedAt: null },
    ]);
    tollFree.trunk_sid = null;
    tollFree.sid = 'PNboughtagain';
    expect(await importFrom(db, server, { tenantId, campaignId: desk.id })).toEqual([
      '+18005550100 updated sid trunk',
      '+18588796658 unchanged',
    ]);
  });

  test('takes no number from another tenant, by number or by sid', async () => {
    const db = await openDatabase();
    const server = await startServer();
    const [dental, garage] = [await tenantOf(db), await tenantOf(db, 'Garage')];
    const taken = server.addNumber('+18588796601');
    const reused = server.addNumber('+18588796602');
    await db.phoneNumber.create({ data: { number: taken.phone_number, tenantId: garage } });
    await db.phoneNumber.create({ data: { number: '+18588796699', providerSid: reused.sid, tenantId: garage } });
    const before = await rowsOf(db);
    expect(await importFrom(db, server, { tenantId: dental })).toEqual([
      '+18588796601 other_tenant',
      '+18588796602 sid_of_another_number',
    ]);
    expect(await rowsOf(db)).toEqual(before);
  });

  test('skips numbers without voice, and invalid ones', async () => {
    const db = await openDatabase();
    const server = await startServer();
    server.addNumber('+18588796601', { capabilities: { voice: false, sms: true } });
    server.addNumber('12345');
    server.addNumber('+18588796602');
    expect(await importFrom(db, server, { tenantId: await tenantOf(db) })).toEqual([
      '+18588796601 no_voice',
      '12345 not_a_number',
      '+18588796602 created',
    ]);
    expect(await db.phoneNumber.count()).toBe(1);
  });

  test('reports missing numbers, and deactivates them only with the flag', async () => {
    const db = await openDatabase();
    const server = await startServer();
    const tenantId = await tenantOf(db);
    for (const number of ['+18588796601', '+18588796602']) server.addNumber(number);
    await importFrom(db, server, { tenantId });
    const elsewhere = { importedFrom: 'ACanother' };
    await db.phoneNumber.create({ data: { number: '+18588796603', tenantId, metadata: elsewhere } });
    await db.phoneNumber.create({ data: { number: '+18588796604', tenantId } });
    server.numbers.pop();
    const activeOf = async () => (await rowsOf(db)).filter(({ isActive }) => isActive).map(({ number }) => number);
    const report = ['+18588796601 unchanged', '+18588796602 missing'];
    expect(await importFrom(db, server, { tenantId })).toEqual(report);
    expect(await activeOf()).toHaveLength(4);
    const removed = ['+18588796601 unchanged', '+18588796602 deactivated'];
    expect(await importFrom(db, server, { tenantId, deactivateMissing: true, dryRun: true })).toEqual(removed);
    expect(await activeOf()).toHaveLength(4);
    expect(await importFrom(db, server, { tenantId, deactivateMissing: true })).toEqual(removed);
    expect(await activeOf()).toEqual(['+18588796601', '+18588796603', '+18588796604']);
    expect(await importFrom(db, server, { tenantId, deactivateMissing: true })).toEqual(report);
  });

  test('a dry run reports the same outcomes without writing', async () => {
    const db = await openDatabase();
    const server = await startServer();
    const tenantId = await tenantOf(db);
    server.addNumber('+18588796601');
    expect(await importFrom(db, server, { tenantId, dryRun: true })).toEqual(['+18588796601 created']);
    expect(await db.phoneNumber.count()).toBe(0);
  });

  test('concurrent imports create each number once', async () => {
    const db = await openDatabase();
    const server = await startServer();
    const tenantId = await tenantOf(db);
    for (let index = 0; index < 30; index++) server.addNumber(`+185887966${String(index + 10)}`);
    const both = await Promise.all([importFrom(db, server, { tenantId }), importFrom(db, server, { tenantId })]);
    expect(both.flat().filter((line) => line.endsWith(' created'))).toHaveLength(30);
    expect(await db.phoneNumber.count()).toBe(30);
  });

  test('the command: finds the only tenant, and requires --tenant if there are several', async () => {
    const url = await createDatabase(kind, databases());
    const db = await openDb(url);
    onTestFinished(() => db[Symbol.asyncDispose]());
    const server = await startServer();
    server.addNumber('+18588796601');
    server.addNumber('12345');
    const env = { ...server.env, DATABASE_URL: url };
    const run = (...argv: string[]) => runCommand(command, argv, env);
    await expect(run()).rejects.toThrow('There is no tenant yet');
    const dental = await tenantOf(db);
    const desk = await db.campaign.create({ data: { tenantId: dental, name: 'Desk' } });
    await expect(run('--campaign', 'Desks')).rejects.toThrow('no campaign Desks');
    expect((await run('--dry-run')).out).toMatch(/1 created, 1 skipped\.\nDry run: nothing was changed/);
    expect(await run()).toEqual({
      code: 0,
      out:
        `+18588796601      created      ${server.numbers[0]!.sid}\n` +
        `12345             skipped      ${server.numbers[1]!.sid} not a phone number\n` +
        '1 created, 1 skipped.\n',
    });
    const garage = await tenantOf(db, 'Garage');
    await expect(run()).rejects.toThrow(/Several tenants.*--tenant.*Dental.*Garage/);
    await expect(run('--tenant', 'Nobody')).rejects.toThrow('There is no tenant Nobody');
    expect((await run('--tenant', 'Garage')).out).toContain('belongs to another tenant');
    const { out } = await run('--tenant', dental, '--campaign', 'Desk', '--json');
    expect(JSON.parse(out)).toMatchObject({
      dryRun: false,
      accountSid: server.accountSid,
      tenantId: dental,
      campaignId: desk.id,
      counts: { created: 0, updated: 1, unchanged: 0, skipped: 1, missing: 0, deactivated: 0 },
      numbers: [
        { number: '+18588796601', outcome: 'updated', changes: ['campaign'], isActive: true },
        { outcome: 'skipped', skipReason: 'not_a_number', id: null },
      ],
    });
    expect(await db.phoneNumber.count({ where: { tenantId: garage } })).toBe(0);
    expect(server.writes).toEqual([]);
  });
});

test('without credentials, the command names the variables', async () => {
  await expect(runCommand(command, [], {})).rejects.toThrow(
    /TWILIO_ACCOUNT_SID is missing.*\nTWILIO_AUTH_TOKEN is missing/,
  );
});
