import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { listMigrations, migrationsFolder } from '#src/database/migrations.ts';
import { sampleNumber, seed } from '#src/local/seed.ts';
import { problemsOf } from '#src/campaigns/prompt.ts';
import type { Db } from '#src/database/open.ts';
import { createDatabase, describeBothDatabases } from '#test/support/database.ts';

const allRows = async (db: Db) => [
  await db.tenant.findMany(),
  await db.agent.findMany(),
  await db.campaign.findMany(),
  await db.phoneNumber.findMany(),
];

describeBothDatabases('the sample data', (openDatabase, { kind, databases }) => {
  test('is a number with an active campaign and a tenant with a default agent', async () => {
    const db = await openDatabase();
    const steps = await seed(db, { number: sampleNumber });
    expect(steps.map(({ record, action }) => [record, action])).toEqual([
      ['tenant', 'created'],
      ['agent', 'created'],
      ['campaign', 'created'],
      ['number', 'created'],
    ]);
    const number = await db.phoneNumber.findUniqueOrThrow({
      where: { number: '+18588796658' },
      include: { campaign: true, tenant: { include: { agents: true } } },
    });
    expect(number).toMatchObject({
      isActive: true,
      campaign: {
        status: 'active',
        greeting: expect.any(String) as string,
        agentName: null,
        tenantId: number.tenantId,
      },
      tenant: { isActive: true, agents: [{ name: 'telephony-agent', isActive: true, isDefault: true }] },
    });
    const prompt = number.campaign?.prompt ?? '';
    for (const name of ['caller.number', 'lead.name', 'campaign.name', 'now']) expect(prompt).toContain(`{{${name}}}`);
    expect(problemsOf(prompt)).toEqual([]);
  });

  test('keeps the changes of an operator', async () => {
    const db = await openDatabase();
    await seed(db, { number: sampleNumber });
    await db.tenant.updateMany({ data: { name: 'Our clinic' } });
    await db.campaign.updateMany({ data: { prompt: 'Ours.', status: 'paused' } });
    await db.agent.updateMany({ data: { name: 'our-agent', isActive: false } });
    await db.phoneNumber.updateMany({ data: { campaignId: null } });
    const before = await allRows(db);
    const steps = await seed(db, { number: sampleNumber });
    expect(steps.map(({ action }) => action)).toEqual(['kept', 'kept', 'kept', 'kept']);
    expect(await allRows(db)).toEqual(before);
  });

  test('adds a second number, and leaves the number of another tenant alone', async () => {
    const db = await openDatabase();
    const { id: tenantId } = await db.tenant.create({ data: { name: 'Other' } });
    await db.phoneNumber.create({ data: { number: '+15550001111', tenantId } });
    await seed(db, { number: sampleNumber });
    await seed(db, { number: '+15550002222' });
    await seed(db, { number: '+15550001111' });
    expect(await db.phoneNumber.count()).toBe(3);
    expect(await db.phoneNumber.findUnique({ where: { number: '+15550001111' } })).toMatchObject({
      tenantId,
      campaignId: null,
    });
    expect([await db.tenant.count(), await db.campaign.count(), await db.agent.count()]).toEqual([2, 1, 1]);
  });

  test('is seeded by the CLI, twice', async () => {
    const url = await createDatabase(kind, databases(), { migrated: false });
    const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-cli-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const cli = async (...args: string[]) => {
      const env = { ...process.env, DATABASE_URL: url, TWILIO_PHONE_NUMBER: '(555) 000-3333' };
      const main = join(import.meta.dirname, '../../src/cli/main.ts');
      return (await promisify(execFile)(process.execPath, [main, ...args], { cwd: folder, env })).stdout;
    };
    expect(JSON.parse(await cli('db:migrate', '--json'))).toEqual({
      applied: await listMigrations(migrationsFolder(kind)),
    });
    expect(await cli('db:migrate')).toBe('The schema is up to date.\n');
    expect(await cli('db:seed')).toMatch(
      /^created +tenant .*\ncreated +agent .*\ncreated +campaign .*\ncreated +number +\+15550003333\n$/,
    );
    expect(JSON.parse(await cli('db:seed', '--json'))).toMatchObject({ steps: Array(4).fill({ action: 'kept' }) });
  });
});
