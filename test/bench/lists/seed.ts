/** A million calls for lists.ts, made by the databases themselves: ten tenants of very different size, 18 months. */
import Database from 'better-sqlite3';
import pg from 'pg';
import { databaseFile, databaseKind } from '#src/database/address.ts';

export const calls = 1_000_000;
export const leads = 200_000;
const campaignsEach = 8;
const detailedCalls = 5_000;

/** Ids as long as real ones, and in the order in which the records were made. */
export const ids = {
  tenant: (n: number) => `tenant--0000-7000-8000-00000000000${n}`,
  campaign: (tenant: number, n: number) => `campaign-000-7000-8000-0000000000${tenant}${n}`,
  number: (tenant: number, campaign: number, n: number) => `number---000-7000-8000-000000000${tenant}${campaign}${n}`,
  lead: (n: number) => `lead-----000-7000-8000-${String(n).padStart(12, '0')}`,
  call: (n: number) => `call-----000-7000-8000-${String(n).padStart(12, '0')}`,
};
export const phoneOf = (lead: number): string => `+1555${String(lead).padStart(7, '0')}`;
/** Somebody who calls again and again: every 250th call. A lead of the big tenant. */
export const frequentCaller = 7;
/** Where no call ever failed. */
export const faultlessCampaign = 3;
/** Durations that thousands of the oldest calls have, and no later ones. */
export const oldDurations = { least: 3600, most: 3696 };
/** What a few calls lasted. */
export const rareDuration = 7200;
/** The newest of the big tenant's calls that have turns and events; it has more than any other. */
export const longestCall = calls - 40;

export const endOfTime = Date.UTC(2026, 6, 1);
export const startOfTime = Date.UTC(2025, 0, 1);

/** What the two databases say differently. */
type Dialect = Readonly<{
  series: (count: number) => string;
  pad: (number: string) => string;
  time: (milliseconds: string) => string;
  /** A text as a value of an enum. */
  as: (text: string, type: 'LeadStatus' | 'CallStatus' | 'TurnRole') => string;
}>;

const dialects: Readonly<Record<'sqlite' | 'postgres', Dialect>> = {
  sqlite: {
    series: (count) =>
      `WITH RECURSIVE series(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM series WHERE i < ${count - 1})`,
    pad: (number) => `printf('%012d', ${number})`,
    time: (milliseconds) => `strftime('%Y-%m-%dT%H:%M:%f+00:00', (${milliseconds}) / 1000.0, 'unixepoch')`,
    as: (text) => text,
  },
  postgres: {
    series: (count) => `WITH series AS (SELECT i::bigint AS i FROM generate_series(0, ${count - 1}) AS made(i))`,
    pad: (number) => `lpad((${number})::text, 12, '0')`,
    time: (milliseconds) => `(to_timestamp((${milliseconds}) / 1000.0) AT TIME ZONE 'UTC')`,
    as: (text, type) => `CAST((${text}) AS "${type}")`,
  },
};

const prime = 4_294_967_291;
/** Numbers that look random and are the same each time; those of two multipliers have nothing to do with each other. */
const scattered = (multiplier: number, below: number): string => `((i * ${multiplier}) % ${prime} % ${below})`;

const createdAt = (count: number, jitter: string): string =>
  `${startOfTime} + i * ${Math.floor((endOfTime - startOfTime) / count)} + ${jitter}`;

/** 60 %, 20 %, 10 % … of the leads; the ninth tenant has ten. */
const tenantOfLead = `CASE WHEN i = ${frequentCaller} THEN 0 WHEN i % 20000 = 19 THEN 9 ELSE (SELECT CASE
  WHEN u < 600 THEN 0 WHEN u < 800 THEN 1 WHEN u < 900 THEN 2 WHEN u < 950 THEN 3 WHEN u < 975 THEN 4 WHEN u < 990 THEN 5
  WHEN u < 996 THEN 6 WHEN u < 998 THEN 7 ELSE 8 END FROM (SELECT ${scattered(2_654_435_761, 1000)} AS u) AS drawn) END`;
const campaignOfLead = `(SELECT CASE WHEN u < 50 THEN 0 WHEN u < 70 THEN 1 WHEN u < 80 THEN 2 WHEN u < 88 THEN 3
  WHEN u < 94 THEN 4 WHEN u < 97 THEN 5 WHEN u < 99 THEN 6 ELSE 7 END FROM (SELECT ${scattered(1_597_334_677, 100)} AS u) AS drawn)`;

const leadStatement = ({ series, pad, time, as }: Dialect): string => `${series(leads)}
  INSERT INTO "Lead" ("id", "tenantId", "campaignId", "phoneNumber", "name", "status", "attempts", "metadata", "archivedAt",
    "createdAt", "updatedAt")
  SELECT 'lead-----000-7000-8000-' || ${pad('i')}, 'tenant--0000-7000-8000-00000000000' || tenant,
    'campaign-000-7000-8000-0000000000' || tenant || campaign, '+1555' || substr(${pad('i')}, 6), 'Inbound Caller',
    ${as("CASE WHEN u < 850 THEN 'completed' WHEN u < 998 THEN 'new' ELSE 'failed' END", 'LeadStatus')},
    1, '{"source":"inbound"}', CASE WHEN i % 50 = 3 THEN ${time(String(endOfTime))} END,
    ${time(createdAt(leads, '0'))}, ${time(createdAt(leads, '0'))}
  FROM (SELECT i, ${tenantOfLead} AS tenant, ${campaignOfLead} AS campaign, ${scattered(3_266_489_917, 1000)} AS u FROM series) AS made`;

const isOldAndLong = `i BETWEEN 10000 AND 60000 AND i % 4 = 0`;

const callStatement = ({ series, pad, time, as }: Dialect): string => `${series(calls)}
  INSERT INTO "CallLog" ("id", "leadId", "campaignId", "tenantId", "phoneNumberId", "phoneNumber", "dialledNumber", "callSid",
    "roomName", "openRoom", "status", "agentName", "answeredAt", "endedAt", "duration", "durationSource", "endReason",
    "rejectReason", "timings", "metadata", "createdAt", "updatedAt")
  SELECT 'call-----000-7000-8000-' || ${pad('i')}, "leadId", "campaignId", "tenantId",
    'number---000-7000-8000-000000000' || substr("campaignId", 34, 2) || CASE WHEN i % 4 = 0 THEN '1' ELSE '0' END,
    "phoneNumber", '+18580000' || substr("campaignId", 34, 2) || CASE WHEN i % 4 = 0 THEN '1' ELSE '0' END,
    'SIP-' || ${pad('i')}, 'sip-room-' || ${pad('i')}, CASE WHEN status IN ('ringing', 'in_progress') THEN 'sip-room-' || ${pad('i')} END,
    ${as('status', 'CallStatus')}, 'telephony-agent', CASE WHEN duration IS NOT NULL THEN ${time('at')} END,
    CASE WHEN duration IS NOT NULL THEN ${time('at + duration * 1000')} END, duration,
    CASE WHEN duration IS NOT NULL THEN 'event' END, CASE WHEN duration IS NOT NULL THEN 'caller_hangup' END,
    CASE WHEN status = 'rejected' THEN 'campaign_full' END, '{}', '{"call_type":"inbound","trunk_id":"ST_inbound"}',
    ${time('at')}, ${time('at')}
  FROM (SELECT i, at, status, "leadId", "campaignId", "tenantId", "phoneNumber",
      CASE WHEN status NOT IN ('completed', 'failed') THEN NULL WHEN ${isOldAndLong} THEN ${oldDurations.least} + i % 97
        WHEN i % 50021 = 0 THEN ${rareDuration} + i % 11 WHEN u < 30 THEN 5 + u % 25 WHEN u < 80 THEN 30 + i % 270
        ELSE 300 + i % 1200 END AS duration
    FROM (SELECT i, ${createdAt(calls, scattered(668_265_263, 40_000))} AS at, ${scattered(2_246_822_519, 100)} AS u,
        l."id" AS "leadId", l."campaignId", l."tenantId", l."phoneNumber",
        CASE WHEN i >= ${calls - 10} THEN 'in_progress' WHEN i >= ${calls - 20} THEN 'ringing'
          WHEN ${scattered(374_761_393, 1000)} < 930 THEN 'completed' WHEN ${scattered(374_761_393, 1000)} < 975 THEN 'rejected'
          WHEN l."campaignId" LIKE '%${faultlessCampaign}' THEN 'completed' ELSE 'failed' END AS status
      FROM series JOIN "Lead" l ON l."id" = 'lead-----000-7000-8000-' || ${pad(`CASE WHEN i % 250 = 0
        OR i = ${longestCall} THEN ${frequentCaller} ELSE ${scattered(3_043_442_431, leads)} END`)}) AS facts) AS made`;

const turnsOf = (count: string): string => `CASE WHEN c."id" = '${ids.call(longestCall)}' THEN 400 ELSE ${count} END`;

const turnStatement = ({ series, pad, time, as }: Dialect): string => `${series(400)}
  INSERT INTO "CallTurn" ("id", "callId", "seq", "role", "text", "startMs", "endMs", "interrupted", "createdAt")
  SELECT substr(c."id", 25) || ${pad('i')}, c."id", i, ${as("CASE WHEN i % 2 = 0 THEN 'agent' ELSE 'caller' END", 'TurnRole')},
    'We are open from eight to six; on Saturdays until noon.', i * 4000, i * 4000 + 3500, FALSE, ${time(String(endOfTime))}
  FROM "CallLog" c JOIN series ON i < ${turnsOf('12')} WHERE c."id" >= '${ids.call(calls - detailedCalls)}'`;

const eventStatement = ({ series, time }: Dialect): string => `${series(1000)}
  INSERT INTO "CallEvent" ("callId", "type", "data", "at")
  SELECT c."id", 'turn', '{"ms":120}', ${time(String(endOfTime))} FROM "CallLog" c
    JOIN series ON i < CASE WHEN c."id" = '${ids.call(longestCall)}' THEN 1000 ELSE 20 END
  WHERE c."id" >= '${ids.call(calls - detailedCalls)}'`;

const tenantStatements = ({ time }: Dialect): string[] => {
  const at = time(String(startOfTime));
  const tenants = Array.from({ length: 10 }, (_, n) => n);
  const campaigns = tenants.flatMap((t) => Array.from({ length: campaignsEach }, (_, c) => [t, c] as const));
  const numbers = campaigns.flatMap(([t, c]) => [0, 1].map((n) => [t, c, n] as const));
  const rows = (made: readonly string[]) => made.map((row) => `(${row}, ${at}, ${at})`).join(', ');
  return [
    `INSERT INTO "Tenant" ("id", "name", "createdAt", "updatedAt") VALUES ${rows(tenants.map((t) => `'${ids.tenant(t)}', 'Tenant ${t}'`))}`,
    `INSERT INTO "Campaign" ("id", "tenantId", "name", "prompt", "status", "createdAt", "updatedAt") VALUES ${rows(
      campaigns.map(
        ([t, c]) => `'${ids.campaign(t, c)}', '${ids.tenant(t)}', 'Campaign ${c}', '${'Help. '.repeat(300)}', 'active'`,
      ),
    )}`,
    `INSERT INTO "PhoneNumber" ("id", "number", "tenantId", "campaignId", "createdAt", "updatedAt") VALUES ${rows(
      numbers.map(
        ([t, c, n]) => `'${ids.number(t, c, n)}', '+18580000${t}${c}${n}', '${ids.tenant(t)}', '${ids.campaign(t, c)}'`,
      ),
    )}`,
  ];
};

/** Statements to run, and what to say before them. */
type Steps = readonly (readonly [string, readonly string[]])[];

const stepsOf = (dialect: Dialect): Steps => [
  ['tenants, campaigns, numbers', tenantStatements(dialect)],
  [`${leads} leads`, [leadStatement(dialect)]],
  [`${calls} calls`, [callStatement(dialect)]],
  ['turns and events', [turnStatement(dialect), eventStatement(dialect)]],
];

/** The connection that seeds: no foreign keys are checked, and indexes are made at the end, which is many times quicker. */
type Seeder = Readonly<{
  run: (sql: string) => Promise<void>;
  indexes: () => Promise<readonly Readonly<{ name: string; sql: string }>[]>;
  begin: string;
  finish: readonly string[];
}>;

const seed = async ({ run, indexes, begin, finish }: Seeder, dialect: Dialect, progress: (line: string) => void) => {
  await run(begin);
  const dropped = await indexes();
  for (const { name } of dropped) await run(`DROP INDEX "${name}"`);
  for (const [what, statements] of stepsOf(dialect)) {
    progress(`seeding ${what} …`);
    for (const statement of statements) await run(statement);
  }
  progress(`making ${dropped.length} indexes …`);
  for (const { sql } of dropped) await run(sql);
  for (const statement of finish) await run(statement);
};

const tables = "('Lead', 'CallLog', 'CallTurn', 'CallEvent')";

const seedSqlite = async (file: string, progress: (line: string) => void): Promise<void> => {
  const database = new Database(file);
  try {
    const indexes = database.prepare<[], { name: string; sql: string }>(
      `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ${tables}`,
    );
    const seeder = {
      run: async (sql: string) => void database.exec(sql),
      indexes: async () => indexes.all(),
      begin: 'PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -256000;',
      finish: [],
    };
    await seed(seeder, dialects.sqlite, progress);
  } finally {
    database.close();
  }
};

const seedPostgres = async (url: string, progress: (line: string) => void): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const indexes = `SELECT i.indexname AS name, i.indexdef AS sql FROM pg_indexes i WHERE i.tablename IN ${tables}
      AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)`;
    const seeder = {
      run: async (sql: string) => void (await client.query(sql)),
      indexes: async () => (await client.query<{ name: string; sql: string }>(indexes)).rows,
      begin: "SET session_replication_role = replica; SET maintenance_work_mem = '256MB';",
      finish: ['VACUUM ANALYZE'], // what autovacuum does in time
    };
    await seed(seeder, dialects.postgres, progress);
  } finally {
    await client.end();
  }
};

/** Fills a fresh, migrated database. */
export const seedLists = (url: string, progress: (line: string) => void): Promise<void> =>
  databaseKind(url) === 'sqlite' ? seedSqlite(databaseFile(url), progress) : seedPostgres(url, progress);
