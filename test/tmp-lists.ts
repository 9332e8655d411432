import { rmSync } from 'node:fs';
import { openDb } from '#src/db.ts';
import { listCalls, type CallFilter } from '#src/calls/scoped-store.ts';
import { listLeads } from '#src/leads/scoped-store.ts';
import { grantScope } from '#src/tenants/grant-scope.ts';
const url = process.argv[2] ?? 'file:/tmp/lists.db';
if (url.startsWith('file:') && !process.argv[3]) for (const s of ['', '-wal', '-shm']) rmSync('/tmp/lists.db' + s, { force: true });
await using db = await openDb(url);
const pgk = db.kind === 'postgres';
if (!process.argv[3]) {
  const t = await db.tenant.create({ data: { id: 'T', name: 'T' } });
  for (const c of ['C0', 'C1', 'C2']) await db.campaign.create({ data: { id: c, tenantId: 'T', name: c } });
  for (const n of ['N0', 'N1', 'N2']) await db.phoneNumber.create({ data: { id: n, tenantId: 'T', number: '+1555000000' + n } });
  const N = 1_000_000, L = 200_000;
  const series = (n: number) => pgk ? `generate_series(0, ${n - 1}) AS s(i)` : `(WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM s WHERE i < ${n - 1}) SELECT i FROM s) s`;
  const ts = pgk ? `timestamp '2024-01-01' + i * interval '60 seconds'` : `strftime('%Y-%m-%dT%H:%M:%fZ', 1704067200 + i * 60, 'unixepoch')`;
  const enumOf = (name: string) => pgk ? `::"${name}"` : '';
  const now = pgk ? 'now()' : `'2026-01-01T00:00:00.000Z'`;
  let b = performance.now();
  await db.$executeRawUnsafe(`INSERT INTO "Lead" ("id","tenantId","campaignId","phoneNumber","name","createdAt","updatedAt") SELECT 'L'||i, 'T', CASE WHEN i % 100 = 0 THEN 'C2' ELSE 'C'||(i%2) END, '+1555'||i, 'x', ${ts}, ${now} FROM ${series(L)}`);
  const step = 50_000;
  for (let o = 0; o < N; o += step) {
    const from = pgk ? `generate_series(${o}, ${o + step - 1}) AS s(i)` : `(WITH RECURSIVE s(i) AS (SELECT ${o} UNION ALL SELECT i+1 FROM s WHERE i < ${o + step - 1}) SELECT i FROM s) s`;
    const sql = `INSERT INTO "CallLog" ("id","tenantId","campaignId","leadId","phoneNumberId","phoneNumber","dialledNumber","callSid","roomName","status","duration","createdAt","updatedAt")
    SELECT 'K'||i, 'T', CASE WHEN i % 1000 = 7 THEN 'C2' ELSE 'C'||(i%2) END, 'L'||(i%200000), 'N'||(i%2), '+1555'||(i%200000), '+1', 'S'||i, 'r',
     (CASE WHEN i % 5000 = 1 THEN 'failed' WHEN i % 50 = 0 THEN 'rejected' ELSE 'completed' END)${enumOf('CallStatus')}, CASE WHEN i % 10007 = 3 THEN 5000 ELSE (i % 600) END, ${ts}, ${now} FROM ${from}`;
    await db.$executeRawUnsafe(sql);
  }
  console.log('filled', Math.round(performance.now() - b), 'ms');
  if (pgk) await db.$executeRawUnsafe('ANALYZE');
}
const scope = grantScope('T');
const mid = { createdAt: new Date(Date.UTC(2025, 0, 1)), id: 'K5' };
const filters: Record<string, CallFilter> = {
  all: {}, number: { phoneNumberId: 'N1' }, caller: { phoneNumber: '+155512345' }, lead: { leadId: 'L77' }, campaignBig: { campaignId: 'C1' }, campaignSmall: { campaignId: 'C2' },
  statusRare: { status: 'failed' }, statusCommon: { status: 'completed' }, ringing: { status: 'ringing' }, time: { since: new Date(Date.UTC(2024, 5, 1)), until: new Date(Date.UTC(2024, 5, 2)) },
  longCalls: { minDuration: 4000 }, shortCalls: { maxDuration: 5 }, mid: { minDuration: 100, maxDuration: 120 }, none: { minDuration: 9000 },
  campaignRareStatus: { campaignId: 'C2', status: 'failed' }, campaignFailed: { campaignId: 'C1', status: 'failed' }, numberRejected: { phoneNumberId: 'N1', status: 'rejected' }, campLong: { campaignId: 'C0', minDuration: 4000 },
  numberOther: { phoneNumberId: 'N2' }, leadStatus: { leadId: 'L77', status: 'failed' }, rareInRange: { status: 'failed', since: new Date(Date.UTC(2024, 0, 1)), until: new Date(Date.UTC(2024, 2, 1)) },
};
for (const [name, filter] of Object.entries(filters)) for (const after of [null, mid]) {
  const times: number[] = []; let n = 0;
  for (let i = 0; i < 7; i++) { const b = performance.now(); n = (await listCalls(db, scope, filter, { limit: 50, after })).items.length; times.push(performance.now() - b); }
  times.sort((a, b) => a - b);
  console.log(name.padEnd(20), after ? 'mid ' : 'top ', String(n).padStart(3), times[3]!.toFixed(1), times[6]!.toFixed(1), times[6]! > 50 ? '<<<<' : '');
}
const lt: number[] = [];
for (let i = 0; i < 5; i++) { const b = performance.now(); await listLeads(db, scope, { isArchived: false }, { limit: 50, after: null }); lt.push(performance.now() - b); }
console.log('leads', Math.max(...lt).toFixed(1));
for (let i = 0; i < 2; i++) { const b = performance.now(); await listLeads(db, scope, { isArchived: true }, { limit: 50, after: null }); console.log('leads archived', (performance.now() - b).toFixed(1)); }
for (let i = 0; i < 2; i++) { const b = performance.now(); await listLeads(db, scope, { isArchived: false, campaignId: 'C2' }, { limit: 50, after: null }); console.log('leads C2', (performance.now() - b).toFixed(1)); }
for (let i = 0; i < 2; i++) { const b = performance.now(); await listLeads(db, scope, { isArchived: false, status: 'failed' }, { limit: 50, after: null }); console.log('leads failed', (performance.now() - b).toFixed(1)); }
