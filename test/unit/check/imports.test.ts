import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCheckout, projectRoot, type Checkout } from '#test/support/checkout.ts';

interface Report {
  summary: { totalDependenciesCruised: number; violations: { from: string; to: string; rule: { name: string } }[] };
}

const frame = ['package.json', 'tsconfig.json', '.dependency-cruiser.js', 'src', 'agents', 'scripts'];

/** The violations found, as `file rule`. */
async function violations(checkout: Checkout): Promise<string[]> {
  const bin = 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs';
  const args = ['--config=.dependency-cruiser.js', '--output-type=json', 'src', 'agents', 'scripts'];
  const { stdout, stderr } = await checkout.run('node', [bin, ...args]);
  expect(stderr).toBe('');
  const { summary } = JSON.parse(stdout) as Report;
  expect(summary.totalDependenciesCruised).toBeGreaterThan(500);
  return summary.violations.map(({ from, rule }) => `${from} ${rule.name}`);
}

/** New files with one forbidden import each, and the rule that refuses it. */
const plants: [path: string, content: string, rule: string][] = [
  ['src/numbers/planted-store.ts', `import { fastify } from 'fastify';`, 'store'],
  ['src/leads/planted-store.ts', `import { startLead } from '../numbers/import-numbers.ts';`, 'store'],
  ['src/calls/planted-store.ts', `import { receiveCall } from './receive-call.ts';`, 'store-verb'],
  ['src/calls/hang-up.ts', `import { fastify } from 'fastify';`, 'verb'],
  ['src/calls/recovery/recover.ts', `import { RoomServiceClient } from 'livekit-server-sdk';`, 'verb'],
  ['src/calls/look.ts', `import { openLivekit } from '#src/livekit/client.ts';`, 'verb'],
  ['src/calls/list.ts', `import { findPage } from '#src/database/keyset-list.ts';`, 'keyset-list'],
  ['src/leads/dial.ts', `import { buildHttp } from '../http/server.ts';`, 'verb'],
  ['src/leads/export.ts', `import { PrismaClient } from '@prisma/client';`, 'package-prisma'],
  ['src/leads/query.ts', `import pg from 'pg';`, 'package-sql'],
  [
    'src/leads/count.ts',
    `import type { PrismaClient } from '#src/database/generated/sqlite/client.ts';`,
    'prisma-client',
  ],
  ['src/leads/import.ts', `import { loadConfig } from '#src/config.ts';`, 'verb-context'],
  ['src/livekit/planted.ts', `import { receiveCall } from '#src/calls/receive-call.ts';`, 'edge'],
  ['src/twilio/import.ts', `import { openDb } from '../database/open.ts';`, 'edge'],
  ['src/twilio/planted.ts', `import { RoomServiceClient } from 'livekit-server-sdk';`, 'package-livekit-sdk'],
  ['src/http/planted.ts', `import { RoomServiceClient } from 'livekit-server-sdk';`, 'package-livekit-sdk'],
  ['src/livekit/twilio.ts', `import twilio from 'twilio';`, 'package-twilio-sdk'],
  ['src/worker/serve.ts', `import { fastify } from 'fastify';`, 'package-fastify'],
  ['src/worker/socket.ts', `import { WebSocket } from 'ws';`, 'package-ws'],
  ['src/http/rooms.ts', `import { Room } from '@livekit/rtc-node';`, 'package-livekit-agents'],
  ['src/http/commands.ts', `import '../cli/call.ts';`, 'entry-points-apart'],
  ['src/http/stores.ts', `import { findCall } from '../calls/store.ts';`, 'http-scope'],
  ['src/http/anybody.ts', `import { grantScope } from '../tenants/grant-scope.ts';`, 'scope-grant'],
  ['src/cli/planted.ts', `import { openLink } from '#agents/telephony/report/agent-link.ts';`, 'no-agents'],
  ['src/worker/load-local.ts', `export const load = () => import('../local/final-records.ts');`, 'local-mode'],
  ['src/local/planted.ts', `import { buildHttp } from '#src/http/server.ts';`, 'entry-points'],
  ['src/worker/load.ts', `import main from '../../agents/telephony/main.ts';`, 'no-agents'],
  ['src/worker/start.ts', `import '../main.ts';`, 'main'],
  ['src/worker/speech.ts', `import espeak from '@echogarden/espeak-ng-emscripten';`, 'no-dev-dependencies'],
  ['src/worker/twice.ts', `import chalk from 'ansi-styles';`, 'no-undeclared'],
  ['src/worker/gone.ts', `import { gone } from '#src/worker/nowhere.ts';`, 'no-unresolvable'],
  ['src/worker/one.ts', `import type { Two } from './two.ts';`, 'no-cycle'],
  ['src/worker/alone.ts', `export const alone = true;`, 'no-orphan'],
  ['src/worker/today.ts', `import './utils/dates.ts';`, 'no-junk-drawer'],
  ['src/worker/fixture.ts', `import '#test/planted.ts';`, 'no-tests'],
  ['src/simulators/caller/planted.ts', `import { describeError } from '../../errors.ts';`, 'simulators'],
  ['src/newcomer/planted.ts', `export * from '../errors.ts';`, 'layer-unknown'],
  ['agents/telephony/report/query.ts', `import { openDb } from '#src/database/open.ts';`, 'agents'],
  ['agents/telephony/session/query.ts', `import type { Db } from '../../../src/database/open.ts';`, 'agents'],
  ['agents/telephony/turns/query.ts', `export const query = () => import('#src/calls/receive-call.ts');`, 'agents'],
  [
    'agents/telephony/session/tools/planted.ts',
    `import { SipClient } from 'livekit-server-sdk';`,
    'package-livekit-sdk',
  ],
  ['scripts/serve.ts', `import { buildHttp } from '#src/http/server.ts';`, 'scripts'],
];

/** Files that the plants import. */
const companions = {
  'src/worker/two.ts': `import type { One } from './one.ts';\nexport type Two = One;\n`,
  'test/planted.ts': `export const planted = 1;\n`,
  'agents/telephony/warm-up/layer-plant.ts': `export * from './warm-up.ts';\n`,
  'src/worker/utils/dates.ts': `export const today = 1;\n`,
};

interface Rules {
  default: {
    forbidden: { name: string; from: { path?: string | string[] }; to: { path?: string | string[] } }[];
  };
}

const loadRules = async (): Promise<Rules['default']> =>
  ((await import(join(projectRoot, '.dependency-cruiser.js'))) as Rules).default;

/** In each folder of the layers, a file that imports one from the layer after it. */
const layerPlants = async (): Promise<[path: string, content: string, rule: string][]> => {
  const { forbidden } = await loadRules();
  const folders = forbidden.flatMap(({ name, from }) => {
    const folder = typeof from.path === 'string' ? /^\^(.*[/])\[\^[/]\]/.exec(from.path)?.[1] : undefined;
    return folder === undefined || name === 'noun' ? [] : [{ name, folder }];
  });
  expect(folders.length).toBeGreaterThan(40);
  return folders.slice(0, -1).map(({ name, folder }, index) => {
    const above = folders[index + 1]?.folder ?? '';
    return [`${folder}layer-plant.ts`, `export * from '#${above}layer-plant.ts';`, name];
  });
};

test('each forbidden import is refused by its own rule, and nothing else is', { timeout: 120_000 }, async () => {
  await using checkout = await openCheckout(frame);
  expect(await violations(checkout)).toEqual([]);
  const all = [...plants, ...(await layerPlants())];
  await checkout.write(companions);
  await checkout.write(Object.fromEntries(all.map(([path, content]) => [path, `${content}\n`])));
  const found = await violations(checkout);
  const expected = all.map(([path, , rule]) => `${path} ${rule}`);
  expect(expected.filter((violation) => !found.includes(violation))).toEqual([]);
  const planted = new Set([...all.map(([path]) => path), ...Object.keys(companions)]);
  expect(found.filter((violation) => !planted.has(violation.split(' ')[0] ?? ''))).toEqual([]);
});

/** Expands a pattern: `^src/(http|cli)/` becomes `^src/http/` and `^src/cli/`. */
const alternativesOf = (pattern: string): string[] => {
  const innermost = /\(([^()]*)\)/.exec(pattern);
  if (innermost === null) return [pattern];
  const [whole, names = ''] = innermost;
  const [before, after] = [pattern.slice(0, innermost.index), pattern.slice(innermost.index + whole.length)];
  return names.split('|').flatMap((name) => alternativesOf(before + name + after));
};

test('every file and folder that the rules name exists', async () => {
  const folders = ['src', 'agents', 'scripts', 'test'];
  const listed = await Promise.all(
    folders.map(async (folder) => {
      const paths = await readdir(join(projectRoot, folder), { recursive: true });
      return paths.map((path) => `${folder}/${path.replaceAll('\\', '/')}`);
    }),
  );
  const files = listed.flat();
  const { forbidden } = await loadRules();
  const patterns = forbidden
    .filter(({ name }) => name !== 'no-junk-drawer')
    .flatMap(({ from, to }) => [from, to].flatMap((side) => Object.values(side)))
    .flat()
    .filter((value): value is string => typeof value === 'string' && /^\^\(?(src|agents|scripts)/.test(value));
  const names = [...new Set(patterns)].filter((pattern) => !/[$]1|[.][*]/.test(pattern)).flatMap(alternativesOf);
  expect(names.length).toBeGreaterThan(100);
  expect(names.filter((name) => !files.some((file) => new RegExp(name).test(file)))).toEqual([]);
});
