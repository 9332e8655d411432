/**
 * A small checkout in a temporary directory: the project's configuration with source files of the test.
 */
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

export const projectRoot = join(import.meta.dirname, '../..');

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Checkout extends AsyncDisposable {
  root: string;
  /** Writes files, by path: content. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
  remove(path: string): Promise<void>;
  /** Runs a command in the checkout until it exits. `node` is this Node. */
  run(command: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Outcome>;
}

/**
 * Opens a checkout whose path has a space in it.
 * @param frame what to copy from the project: files or folders, by path
 * @param options `packages: false` leaves out node_modules
 */
export const openCheckout = async (frame: readonly string[], options = { packages: true }): Promise<Checkout> => {
  const root = await mkdtemp(join(tmpdir(), 'telephony agent '));
  for (const path of frame) await cp(join(projectRoot, path), join(root, path), { recursive: true });
  if (options.packages) await symlink(join(projectRoot, 'node_modules'), join(root, 'node_modules'));
  return {
    root,
    async write(files) {
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), content);
      }
    },
    remove: (path) => rm(join(root, path), { recursive: true }),
    async run(command, args, env = {}) {
      const child = spawn(command === 'node' ? process.execPath : command, args, {
        cwd: root,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const closed = new Promise<number | null>((resolve, reject) =>
        child.once('error', reject).once('close', resolve),
      );
      const [code, stdout, stderr] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
      return { code, stdout, stderr };
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
};
