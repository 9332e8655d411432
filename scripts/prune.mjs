// Deletes the parts of installed packages that never run here. npm installs or skips whole packages: it can't leave out a part.
// Runs before every command (prepare.mjs) and in the Dockerfile: `node scripts/prune.mjs`.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = join(dirname(dirname(fileURLToPath(import.meta.url))), 'node_modules');

/** The files and folders of a folder in node_modules; none where it isn't installed. */
const list = (folder) => {
  const path = join(packages, folder);
  return existsSync(path) ? readdirSync(path).map((name) => `${folder}/${name}`) : [];
};

/** onnxruntime-node comes with its library for every platform. */
const otherPlatforms = () => {
  const ours = `${process.platform}/${process.arch}`;
  return list('onnxruntime-node/bin')
    .flatMap(list)
    .flatMap(list)
    .filter((path) => !path.endsWith(ours));
};

/** The Node packages come with headers for compiling add-ons. */
const nodeHeaders = () => {
  return list('.')
    .filter((path) => path.startsWith('./node-'))
    .map((path) => `${path}/include`);
};

/** Prisma's client comes with query compilers for five databases, each in two sizes and for two module systems. */
const otherQueryCompilers = () => {
  const ours = /query_compiler_fast_bg\.(sqlite|postgresql)\..*mjs$/;
  return list('@prisma/client/runtime').filter((path) => path.includes('query_compiler_') && !ours.test(path));
};

/** Can run at any time, and in several processes at once. */
export const prune = () => {
  for (const path of [...otherPlatforms(), ...nodeHeaders(), ...otherQueryCompilers()]) {
    try {
      rmSync(join(packages, path), { recursive: true, force: true });
    } catch (error) {
      if (!['EACCES', 'EPERM', 'EROFS'].includes(error.code)) throw error; // somebody else's packages: they stay as they are
    }
  }
};

if (process.argv[1] === fileURLToPath(import.meta.url)) prune();
