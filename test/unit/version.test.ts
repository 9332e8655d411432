/** `--version`, as `npm run cli`, `npm start`, `npm run demo` and `npm run dev` take it. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '../..');

test.each(['src/cli/main.ts', 'src/main.ts', 'src/local/demo.ts', 'src/local/dev.ts'])(
  '%s --version prints the version of package.json, and nothing else',
  async (file) => {
    const manifest = z
      .object({ version: z.string() })
      .parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(root, file), '--version'], {
      env: {},
    });
    expect([stdout, stderr]).toEqual([`${manifest.version}\n`, '']);
  },
);
