// Runs before every command of package.json: checks Node's version and the installed packages, and generates the Prisma clients
// when they are out of date. Plain JavaScript, so that even an old Node can run it and report what is wrong.
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

/** The same folder as in the schemas' `output`. */
const generatedFolder = 'src/database/generated';
const clients = [
  { name: 'sqlite', schema: 'schema.prisma' },
  { name: 'postgres', schema: 'postgres/schema.prisma' },
];

const isOld = Number(process.versions.node.split('.')[0]) < NODE_MAJOR;
/** The Node that `npm ci` installed; not available for every system. */
const packagedNode = inRoot(`node_modules/node-${process.platform}-${process.arch}/bin/node`);

/**
 * Runs this script again with the packaged Node, and links it into node_modules/.bin, which comes first on the PATH of npm's
 * scripts. npm 11 creates that link itself, but npm 10 removes it together with the packages for other systems.
 */
const runWithPackagedNode = () => {
  const link = inRoot('node_modules/.bin/node');
  if (!existsSync(link)) symlinkSync(`../node-${process.platform}-${process.arch}/bin/node`, link);
  const { status } = spawnSync(packagedNode, process.argv.slice(1), { stdio: 'inherit' });
  process.exitCode = status ?? 1;
};

/** Needed only to generate clients: production runs without them. */
const generatorPackages = ['@prisma/client-generator-ts', '@prisma/internals'];

const isInstalled = (name) => existsSync(inRoot('node_modules', name, 'package.json'));

/** Why nothing can run, in one sentence; null if everything is in place. */
const findProblem = () => {
  if (isOld) {
    return (
      `telephony-agent requires Node ${NODE_MAJOR} or newer, but this is ${process.version}. \`npm ci\` installs it on Linux (x64, ` +
      'arm64) and Windows (x64) unless optional dependencies are omitted; elsewhere install it from https://nodejs.org.'
    );
  }
  // The service itself runs without development packages, as in its container; tests and local mode need them.
  const needed = { ...manifest.dependencies, ...(process.argv.includes('--dev') ? manifest.devDependencies : {}) };
  const missing = Object.keys(needed).filter((name) => !generatorPackages.includes(name) && !isInstalled(name));
  if (missing.length === 0) return null;
  return `Packages are missing (${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ', …' : ''}): run \`npm ci\`.`;
};

/** Identifies what a client was generated from: while it stays the same, the client is up to date. */
const fingerprint = (client) => {
  const { version } = JSON.parse(readFileSync(inRoot('node_modules/@prisma/client/package.json'), 'utf8'));
  const schema = readFileSync(inRoot('prisma', client.schema));
  return createHash('sha256').update(schema).update(version).digest('hex');
};

const isCurrent = (client) => {
  const stamp = inRoot(generatedFolder, client.name, 'stamp');
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint(client);
};

/**
 * Generates a client in a temporary folder and then moves it into place, so that concurrent runs don't interfere and no process
 * reads a half-written client.
 */
const generate = async (client, workDir) => {
  const stamp = fingerprint(client);
  const schema = join(workDir, 'prisma', client.schema);
  await mkdir(dirname(schema), { recursive: true });
  await cp(inRoot('prisma', client.schema), schema);
  const { generateClient } = await import('./generate-client.mjs'); // needs development packages
  await generateClient(schema);
  const generated = join(workDir, generatedFolder, client.name);
  await writeFile(join(generated, 'stamp'), stamp);
  const target = inRoot(generatedFolder, client.name);
  for (let attempt = 1; !isCurrent(client); attempt++) {
    await rename(target, join(workDir, `old-${client.name}-${attempt}`)).catch(unlessCode('ENOENT'));
    await rename(generated, target).catch(unlessCode(attempt < 5 ? 'ENOTEMPTY' : 'none')); // another process was faster
  }
};

const unlessCode = (expected) => (error) => {
  if (error.code !== expected) throw error;
};

const prepare = async () => {
  const stale = clients.filter((client) => existsSync(inRoot('prisma', client.schema)) && !isCurrent(client));
  if (stale.length === 0) return;
  if (!generatorPackages.every(isInstalled)) {
    throw new Error(
      'Generating the Prisma clients requires the development packages: run `npm ci` without --omit=dev.',
    );
  }
  process.stderr.write(`Generating the Prisma clients (${stale.map(({ name }) => name).join(', ')}) …\n`);
  await mkdir(inRoot(generatedFolder), { recursive: true });
  const workDir = await mkdtemp(inRoot(generatedFolder, '.new-'));
  try {
    await Promise.all(stale.map((client) => generate(client, workDir)));
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
};

const fail = (message) => {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
};

const main = async () => {
  if (isOld && existsSync(packagedNode)) return runWithPackagedNode();
  const problem = findProblem();
  if (problem) return fail(problem);
  prune();
  await prepare();
};

await main().catch((error) => fail(error.message));
