import { expect, test } from 'vitest';
import { openCheckout, type Checkout } from '#test/support/checkout.ts';
import { frame, smallService } from './small-service.ts';

interface Report {
  summary: { totalDependenciesCruised: number; violations: { from: string; to: string; rule: { name: string } }[] };
}

/** Every forbidden import that is found, as `from rule`. */
async function violations(checkout: Checkout): Promise<string[]> {
  const bin = 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs';
  const args = ['--config=.dependency-cruiser.js', '--output-type=json', 'src', 'agents', 'prisma'];
  const { stdout, stderr } = await checkout.run('node', [bin, ...args]);
  expect(stderr).toBe('');
  const { summary } = JSON.parse(stdout) as Report;
  expect(summary.totalDependenciesCruised).toBeGreaterThan(20);
  return summary.violations.map(({ from, rule }) => `${from} ${rule.name}`);
}

/** A file that does one forbidden thing, and the rule that says so. */
const plants: [path: string, content: string, rule: string][] = [
  ['src/calls/lifecycle.ts', `import { findCall } from './store.ts';`, 'noun'],
  ['src/routing/hours.ts', `import { findCall } from '#src/calls/store.ts';`, 'noun'],
  ['src/leads/lead.ts', `import type { Db } from '../db.ts';`, 'noun'],
  ['src/campaigns/prompt.ts', `import { readFileSync } from 'node:fs';`, 'noun'],
  ['src/leads/store.ts', `import { mustBeCall } from '../calls/call.ts';`, 'store'],
  ['src/numbers/store.ts', `import { fastify } from 'fastify';`, 'store'],
  ['src/routing/store.ts', `import { receiveCall } from '#src/calls/receive-call.ts';`, 'store-verb'],
  ['src/calls/hang-up.ts', `import { fastify } from 'fastify';`, 'verb'],
  ['src/calls/recover.ts', `import { RoomServiceClient } from 'livekit-server-sdk';`, 'verb'],
  ['src/calls/reconcile.ts', `import { openLiveKit } from '#src/livekit/client.ts';`, 'verb'],
  ['src/leads/dial.ts', `import { openServer } from '../http/server.ts';`, 'verb'],
  ['src/leads/export.ts', `import { PrismaClient } from '@prisma/client';`, 'package-prisma'],
  ['src/leads/count.ts', `import type { PrismaClient } from '#prisma/generated/sqlite/client.ts';`, 'prisma-client'],
  ['src/leads/import.ts', `import { openContext } from '#src/context.ts';`, 'verb-context'],
  ['src/livekit/sync.ts', `import { receiveCall } from '#src/calls/receive-call.ts';`, 'edge'],
  ['src/twilio/import.ts', `import { openDb } from '../db.ts';`, 'edge'],
  ['src/twilio/client.ts', `import { RoomServiceClient } from 'livekit-server-sdk';`, 'package-livekit-sdk'],
  ['src/http/calls.ts', `import { RoomServiceClient } from 'livekit-server-sdk';`, 'package-livekit-sdk'],
  ['src/http/rooms.ts', `import { Room } from '@livekit/rtc-node';`, 'package-livekit-agents'],
  ['src/http/leads.ts', `import '../cli/leads.ts';`, 'doors-apart'],
  ['src/http/everybody.ts', `import { findCall } from '../calls/store.ts';`, 'http-scope'],
  ['src/http/anybody.ts', `import { grantScope } from '../tenants/grant-scope.ts';`, 'scope-grant'],
  ['src/cli/leads.ts', `import { openWorker } from '#agents/telephony/link.ts';`, 'no-agents'],
  ['src/cli/main.ts', `import '../local/caller.ts';`, 'local-mode-commands'],
  ['src/background.ts', `export const load = () => import('./local/caller.ts');`, 'local-mode'],
  ['src/local/caller.ts', `import { openServer } from '#src/http/server.ts';`, 'doors'],
  ['src/worker/load.ts', `import main from '../../agents/telephony/main.ts';`, 'no-agents'],
  ['src/worker/start.ts', `import '../main.ts';`, 'main'],
  ['src/worker/speech.ts', `import espeak from '@echogarden/espeak-ng-emscripten';`, 'no-dev-dependencies'],
  ['src/worker/twice.ts', `import chalk from 'ansi-styles';`, 'no-undeclared'],
  ['src/worker/gone.ts', `import { gone } from '#src/worker/nowhere.ts';`, 'no-unresolvable'],
  ['src/worker/one.ts', `import './two.ts';`, 'no-cycle'],
  ['src/worker/alone.ts', `export const alone = true;`, 'no-orphan'],
  ['src/worker/today.ts', `import './utils/dates.ts';`, 'no-junk-drawer'],
  ['src/worker/fixture.ts', `import '#test/check.ts';`, 'no-tests'],
  ['agents/telephony/link.ts', `import { openDb } from '#src/db.ts';`, 'agents'],
  ['agents/telephony/session.ts', `import type { Db } from '../../src/db.ts';`, 'agents'],
  ['agents/telephony/agent.ts', `import { receiveCall } from '#src/calls/receive-call.ts';`, 'agents'],
  [
    'agents/telephony/tools/query.ts',
    `export const query = () => import('#prisma/generated/sqlite/client.ts');`,
    'agents',
  ],
  ['agents/telephony/tools/transfer.ts', `import { SipClient } from 'livekit-server-sdk';`, 'package-livekit-sdk'],
  ['prisma/seed.ts', `import { openServer } from '#src/http/server.ts';`, 'prisma-folder'],
];

/** What the plants import. */
const companions = {
  'src/tenants/grant-scope.ts': `export const grantScope = () => 1;\n`,
  'src/worker/two.ts': `import './one.ts';\n`,
  'src/worker/utils/dates.ts': `export const today = 1;\n`,
};

test('allowed imports pass, each forbidden one is found by its own rule', { timeout: 120_000 }, async () => {
  await using checkout = await openCheckout(frame);
  await checkout.write(smallService);
  expect(await violations(checkout)).toEqual([]);

  await checkout.write(companions);
  await checkout.write(Object.fromEntries(plants.map(([path, content]) => [path, `${content}\n`])));
  const found = await violations(checkout);
  const expected = plants.map(([path, , rule]) => `${path} ${rule}`);
  expect(expected.filter((violation) => !found.includes(violation))).toEqual([]);
  const planted = new Set(plants.map(([path]) => path));
  const innocent = Object.keys(smallService).filter((path) => !planted.has(path));
  expect(found.filter((violation) => innocent.some((path) => violation.startsWith(`${path} `)))).toEqual([]);
});
