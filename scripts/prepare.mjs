// Runs before every command of package.json: is the Node right, are the packages there, are the Prisma clients up to date?
// Plain JavaScript, so that an old Node can read it far enough to say what is wrong.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prune } from './prune.mjs';

const NODE_MAJOR = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inRoot = (...path) => join(root, ...path);
const manifest = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));

/** Where the clients are generated, as the schemas' `output` says too. */
const generatedFolder = 'src/database/generated';
/** Each client and its schema. */
const clients = [
  { name: 'sqlite', schema: 'schema.prisma' },
  { name: 'postgres', schema: 'postgres/schema.prisma' },
];

const isOld = Number(process.versions.node.split('.')[0]) < NODE_MAJOR;
/** The Node that `npm ci` brought; there is none for some systems. */
const broughtNode = inRoot(`node_modules/node-${process.platform}-${process.arch}/bin/node`);

/**
 * Puts the Node that `npm ci` brought first on the path of npm's scripts, and goes on with it. npm 11 links it there itself, but
 * npm 10 removes the link again, together with the packages of the same name for other systems.
 */
function handOver() {
  const link = inRoot('node_modules/.bin/node');
  if (!existsSync(link)) symlinkSync(`../node-${process.platform}-${process.arch}/bin/node`, link);
  const { status } = spawnSync(broughtNode, process.argv.slice(1), { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}

/** Needed only while a client is out of date: production runs without them. */
const generatorPackages = ['@prisma/client-generator-ts', '@prisma/internals'];

const isInstalled = (name) => existsSync(inRoot('node_modules', name, 'package.json'));

/** The sentence that says what is missing before anything can run; null when nothing is. */
function complaint() {
  if (isOld) {
    return (
      `telephony-agent needs Node ${NODE_MAJOR} or newer and this is ${process.version}: \`npm ci\` brings it on Linux (x64, arm64) ` +
      'and Windows (x64) unless optional dependencies are omitted; elsewhere install it from your system or nodejs.org.'
    );
  }
  // The service itself runs without the development packages, as in its container; tests and local mode need them.
  const needed = { ...manifest.dependencies, ...(process.argv.includes('--dev') ? manifest.devDependencies : {}) };
  const missing = Object.keys(needed).filter((name) => !generatorPackages.includes(name) && !isInstalled(name));
  if (missing.length === 0) return null;
  return `Packages are missing (${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ', …' : ''}): run \`npm ci\` first.`;
}

/** What a client was made from: the same text means that it need not be made again. */
function fingerprint(client) {
  const { version } = JSON.parse(readFileSync(inRoot('node_modules/@prisma/client/package.json'), 'utf8'));
  const schema = readFileSync(inRoot('prisma', client.schema));
  return createHash('sha256').update(schema).update(version).digest('hex');
}

function isCurrent(client) {
  const stamp = inRoot(generatedFolder, client.name, 'stamp');
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint(client);
}

/**
 * Makes a client in a directory of its own and then puts it in its place, so that two processes may do this at once and
 * nobody reads a half-written client.
 */
async function generate(client, workDir) {
  const stamp = fingerprint(client);
  const schema = join(workDir, 'prisma', client.schema);
  await mkdir(dirname(schema), { recursive: true });
  await cp(inRoot('prisma', client.schema), schema);
  const { generateClient } = await import('./generate-client.mjs'); // needs development packages
  await generateClient(schema);
  const made = join(workDir, generatedFolder, client.name);
  await writeFile(join(made, 'stamp'), stamp);
  const place = inRoot(generatedFolder, client.name);
  for (let attempt = 1; !isCurrent(client); attempt++) {
    await rename(place, join(workDir, `old-${client.name}-${attempt}`)).catch(unlessCode('ENOENT'));
    await rename(made, place).catch(unlessCode(attempt < 5 ? 'ENOTEMPTY' : 'none')); // another process was faster
  }
}

const unlessCode = (expected) => (error) => {
  if (error.code !== expected) throw error;
};

async function prepare() {
  const stale = clients.filter((client) => existsSync(inRoot('prisma', client.schema)) && !isCurrent(client));
  if (stale.length === 0) return;
  if (!generatorPackages.every(isInstalled)) {
    throw new Error('Generating the database clients needs the development packages: run `npm ci` without --omit=dev.');
  }
  process.stderr.write(`Generating the database clients (${stale.map(({ name }) => name).join(', ')}) …\n`);
  await mkdir(inRoot(generatedFolder), { recursive: true });
  const workDir = await mkdtemp(inRoot(generatedFolder, '.new-'));
  try {
    await Promise.all(stale.map((client) => generate(client, workDir)));
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exitCode = 1;
}

async function main() {
  if (isOld && existsSync(broughtNode)) return handOver();
  const sentence = complaint();
  if (sentence) return fail(sentence);
  prune();
  await prepare();
}

await main().catch((error) => fail(error.message));
