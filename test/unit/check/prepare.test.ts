import { chmod, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCheckout, type Checkout } from '#test/support/checkout.ts';

const TIMEOUT_MS = 120_000;
const frame = ['package.json', 'scripts'];

/** A schema with one model. */
const schema = (provider: string, output: string, model: string) => `
generator client {
  provider            = "prisma-client"
  output              = "${output}"
  moduleFormat        = "esm"
  importFileExtension = "ts"
}
datasource db {
  provider = "${provider}"
}
model ${model} {
  id String @id
}
`;
const schemas = (model: string) => ({
  'prisma/schema.prisma': schema('sqlite', '../src/database/generated/sqlite', model),
  'prisma/postgres/schema.prisma': schema('postgresql', '../../src/database/generated/postgres', model),
});

// No proxy listens there, so any network access fails.
const offline = { HTTPS_PROXY: 'http://127.0.0.1:9', HTTP_PROXY: 'http://127.0.0.1:9', NODE_ENV: 'production' };
const prepare = (checkout: Checkout, ...args: string[]) =>
  checkout.run('node', ['scripts/prepare.mjs', ...args], offline);
const generated = (checkout: Checkout, name: string) => join(checkout.root, 'src/database/generated', name);

test(
  'generates both clients once, again when the schema changes, and reports failures',
  { timeout: TIMEOUT_MS },
  async () => {
    await using checkout = await openCheckout(frame);
    await checkout.write(schemas('Room'));
    expect(await prepare(checkout, '--dev')).toMatchObject({ code: 0, stdout: '' });
    for (const name of ['sqlite', 'postgres']) {
      expect(await readFile(join(generated(checkout, name), 'client.ts'), 'utf8')).toContain('Prisma.RoomModel');
    }
    const { ino } = await stat(generated(checkout, 'sqlite'));
    expect(await prepare(checkout)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await stat(generated(checkout, 'sqlite'))).ino).toBe(ino);

    await checkout.write(schemas('Line'));
    await Promise.all([prepare(checkout), prepare(checkout), prepare(checkout)]).then((outcomes) =>
      expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]),
    );
    expect(await readFile(join(generated(checkout, 'postgres'), 'client.ts'), 'utf8')).toContain('Prisma.LineModel');

    await checkout.write({ 'prisma/schema.prisma': 'model {' });
    const broken = await prepare(checkout);
    expect(broken).toMatchObject({ code: 1, stdout: '' });
    expect(broken.stderr).toContain('The database client could not be generated');
    expect(broken.stderr).not.toContain('prepare.mjs:'); // a message, not a stack trace
    expect(await readFile(join(generated(checkout, 'sqlite'), 'client.ts'), 'utf8')).toContain('Prisma.LineModel');
  },
);

test('asks for npm ci if packages are missing', async () => {
  await using checkout = await openCheckout(frame, { packages: false });
  const { code, stdout, stderr } = await prepare(checkout, '--dev');
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^Packages are missing \(.+\): run `npm ci`\.\n$/);
});

/** Makes this Node look like an old one. */
const old = {
  'old.cjs': `if (!process.env.REAL_NODE) {
  Object.defineProperty(process, 'version', { value: 'v20.1.0' });
  Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } });
}\n`,
};

test('an old Node gets one sentence that names the required version', async () => {
  await using checkout = await openCheckout(frame, { packages: false });
  await checkout.write(old);
  const { code, stdout, stderr } = await checkout.run('node', ['--require', './old.cjs', 'scripts/prepare.mjs']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^telephony-agent requires Node 24 or newer, but this is v20\.1\.0\. .+\.\n$/);
});

test('an old Node runs the one that npm ci installed, and links it for the commands that follow', async () => {
  await using checkout = await openCheckout(frame, { packages: false });
  const packaged = `node-${process.platform}-${process.arch}/bin/node`;
  await checkout.write({
    ...old,
    'node_modules/.bin/placeholder': '',
    [`node_modules/${packaged}`]: `#!/bin/sh\nREAL_NODE=1 exec '${process.execPath}' "$@"\n`,
  });
  await chmod(join(checkout.root, 'node_modules', packaged), 0o755);
  const { code, stderr } = await checkout.run('node', ['--require', './old.cjs', 'scripts/prepare.mjs', '--dev']);
  // The packages are missing, says Node 24.
  expect(stderr).toMatch(/^Packages are missing/);
  expect(code).toBe(1);
  expect(await readlink(join(checkout.root, 'node_modules/.bin/node'))).toBe(`../${packaged}`);
});
