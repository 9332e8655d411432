/**
 * compose.yaml, as far as it can be checked without a container engine. Its form was checked with compose-go v2.6.2, what
 * `docker compose config` uses.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '#src/config.ts';
import { projectRoot } from '#test/support/checkout.ts';

const service = z.looseObject({
  image: z.string().optional(),
  build: z.string().optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  volumes: z.array(z.string()).default([]),
  profiles: z.array(z.string()).default([]),
  depends_on: z.union([z.array(z.string()), z.record(z.string(), z.object({ condition: z.string() }))]).default([]),
  stop_grace_period: z.string().optional(),
});
const compose = z.object({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.null()) });

const read = (path: string): Promise<string> => readFile(join(projectRoot, path), 'utf8');
const loadCompose = async () => compose.parse(parse(await read('compose.yaml')));

test('the service stops only after its calls could end, keeps its data, and knows its proxy', async () => {
  const { services, volumes } = await loadCompose();
  const agent = services.agent;
  const minutes = Number(/^(\d+)m$/.exec(agent?.stop_grace_period ?? '')?.[1]);
  expect(minutes * 60_000).toBeGreaterThan(loadConfig({}).drainTimeoutMs);
  expect(agent?.environment).toMatchObject({ TRUSTED_PROXIES: 1 });
  const [, volume] = /^VOLUME (\S+)$/m.exec(await read('Dockerfile')) ?? [];
  expect(agent?.volumes).toEqual([`data:${volume}`]);
  const named = Object.values(services).flatMap((one) =>
    one.volumes.flatMap((text) => /^(\w+):/.exec(text)?.[1] ?? []),
  );
  expect(named.toSorted()).toEqual(Object.keys(volumes).toSorted());
});

test('everything it names is there: files, variables, commands, services', async () => {
  const { services } = await loadCompose();
  const example = await read('.env.example');
  for (const [name, one] of Object.entries(services)) {
    for (const mount of one.volumes.filter((text) => text.startsWith('./')))
      expect(existsSync(join(projectRoot, mount.split(':')[0] ?? '')), mount).toBe(true);
    const needed = Array.isArray(one.depends_on) ? one.depends_on : Object.keys(one.depends_on);
    for (const other of needed) expect(services, `${name} depends on it`).toHaveProperty(other);
    // Without the profile nothing may depend on what only the profile starts.
    for (const other of needed.filter(() => one.profiles.length === 0)) expect(services[other]?.profiles).toEqual([]);
    if (one.build === undefined) continue;
    for (const variable of Object.keys(one.environment)) expect(example, variable).toContain(`${variable}=`);
    if (one.command !== undefined) expect(existsSync(join(projectRoot, one.command[1] ?? ''))).toBe(true);
  }
});
