import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { openCheckout, projectRoot } from '#test/support/checkout.ts';

/** The instructions of the Dockerfile, with lines that go on joined. */
async function instructions(): Promise<{ name: string; value: string }[]> {
  const dockerfile = await readFile(join(projectRoot, 'Dockerfile'), 'utf8');
  const lines = dockerfile
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n');
  return lines.flatMap((line) => {
    const match = /^([A-Z]+) (.+)$/.exec(line);
    return match ? [{ name: match[1] ?? '', value: match[2] ?? '' }] : [];
  });
}

const valueOf = async (name: string) => (await instructions()).find((one) => one.name === name)?.value ?? '';

/** What an exec form runs; throws when it is a shell's line, through which signals don't arrive. */
const execForm = (value: string) => JSON.parse(value.slice(value.indexOf('['))) as string[];

test('the container copies what there is and runs unprivileged, as a process of its own', async () => {
  const all = await instructions();
  const image = all.slice(all.findLastIndex(({ name }) => name === 'FROM'));
  const copies = image.filter(({ name }) => name === 'COPY').map(({ value }) => value.split(' ').slice(0, -1));
  const fromBuild = copies.filter(([option]) => option === '--from=build').map(([, path]) => path);
  expect(fromBuild).toEqual(['/app/src/database/generated']);
  const copied = copies.filter(([option]) => option !== '--from=build').flat();
  expect(copied).toEqual(['package.json', 'package-lock.json', '.npmrc', 'scripts', 'prisma', 'agents', 'src']);
  expect(copied.filter((path) => !existsSync(join(projectRoot, path)))).toEqual([]);
  // What isn't let through by .dockerignore can't be copied.
  const ignore = (await readFile(join(projectRoot, '.dockerignore'), 'utf8')).split('\n');
  expect(ignore[0]).toBe('*');
  expect(copied.filter((path) => !ignore.includes(`!${path}`))).toEqual([]);

  expect(execForm(await valueOf('CMD'))).toEqual(['node', '--max-semi-space-size=16', 'src/main.ts']);
  expect(await valueOf('STOPSIGNAL')).toBe('SIGTERM');
  expect(all.map(({ name }) => name).indexOf('USER')).toBeGreaterThan(all.map(({ name }) => name).lastIndexOf('RUN'));
  expect(await valueOf('USER')).toBe('node');
  expect(await valueOf('ENV')).toContain('NODE_ENV=production');
  expect(await valueOf('ENV')).toContain(`DATABASE_URL=file:${await valueOf('VOLUME')}/`);
});

/** The exit code of the container's own health check against a port. */
async function healthOf(port: number): Promise<number> {
  const [, ...args] = execForm(await valueOf('HEALTHCHECK'));
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env: { PORT: String(port) } }, (error) => resolve(error === null ? 0 : 1));
  });
}

test('the health check asks /livez and believes only a good answer', async () => {
  let live = true;
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/livez' && live ? 200 : 503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  expect(await healthOf(port)).toBe(0);
  live = false;
  expect(await healthOf(port)).toBe(1);
  await new Promise((resolve) => server.close(resolve));
  expect(await healthOf(port)).toBe(1);
});

/** A checkout with the packages that `npm ci --omit=dev` installs. */
async function openWithoutDevelopmentPackages() {
  const checkout = await openCheckout(['package.json', 'prisma', 'scripts', 'src', 'agents'], { packages: false });
  const lock = JSON.parse(await readFile(join(projectRoot, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  for (const [path, { dev }] of Object.entries(lock.packages)) {
    if (!/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) || dev || !existsSync(join(projectRoot, path))) continue;
    await mkdir(dirname(join(checkout.root, path)), { recursive: true });
    await symlink(join(projectRoot, path), join(checkout.root, path));
  }
  expect(existsSync(join(checkout.root, 'node_modules/vitest'))).toBe(false);
  return checkout;
}

const blank = {
  NODE_ENV: 'production',
  LIVEKIT_URL: '',
  LIVEKIT_API_KEY: '',
  LIVEKIT_API_SECRET: '',
  DEEPGRAM_API_KEY: '',
  OPENAI_API_KEY: '',
};

test('without development packages the service starts as far as its configuration', async () => {
  await using checkout = await openWithoutDevelopmentPackages();
  expect(await checkout.run('node', ['scripts/prepare.mjs'], blank)).toMatchObject({ code: 0 });
  const { code, stdout, stderr } = await checkout.run('node', ['src/main.ts'], blank);
  expect(stdout + stderr).toContain('LIVEKIT_URL is required in production');
  expect(stdout + stderr).not.toContain('ERR_MODULE_NOT_FOUND');
  expect(code).toBe(1);
});

test('without development packages and database clients, prepare says which packages are needed', async () => {
  await using checkout = await openWithoutDevelopmentPackages();
  await checkout.remove('src/database/generated');
  expect(await checkout.run('node', ['scripts/prepare.mjs'], blank)).toEqual({
    code: 1,
    stdout: '',
    stderr: 'Generating the Prisma clients requires the development packages: run `npm ci` without --omit=dev.\n',
  });
});
