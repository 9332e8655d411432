/** scripts/prune.mjs deletes what never runs on this platform, and nothing else. */
import { mkdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCheckout } from '#test/support/checkout.ts';

const { platform, arch } = process;
const kept = [
  `onnxruntime-node/bin/napi-v6/${platform}/${arch}/onnxruntime_binding.node`,
  'onnxruntime-node/dist/index.js',
  `node-${platform}-${arch}/bin/node`,
  '@prisma/client/runtime/client.mjs',
  '@prisma/client/runtime/query_compiler_fast_bg.sqlite.mjs',
  '@prisma/client/runtime/query_compiler_fast_bg.postgresql.wasm-base64.mjs',
];
const deleted = [
  `onnxruntime-node/bin/napi-v6/aix/${arch}/onnxruntime_binding.node`,
  `onnxruntime-node/bin/napi-v6/${platform}/mips/onnxruntime_binding.node`,
  `node-${platform}-${arch}/include/node/v8.h`,
  '@prisma/client/runtime/query_compiler_fast_bg.mysql.wasm-base64.mjs',
  '@prisma/client/runtime/query_compiler_small_bg.sqlite.wasm-base64.mjs',
  '@prisma/client/runtime/query_compiler_fast_bg.sqlite.wasm-base64.js',
];

test('deletes the files of other platforms and databases, any number of times', async () => {
  await using checkout = await openCheckout(['package.json', 'scripts'], { packages: false });
  await checkout.write(Object.fromEntries([...kept, ...deleted].map((path) => [`node_modules/${path}`, 'x'])));
  for (let run = 0; run < 2; run++) {
    expect(await checkout.run('node', ['scripts/prune.mjs'])).toEqual({ code: 0, stdout: '', stderr: '' });
  }
  const isThere = (path: string) => existsSync(join(checkout.root, 'node_modules', path));
  expect(kept.filter((path) => !isThere(path))).toEqual([]);
  expect(deleted.filter(isThere)).toEqual([]);
});

test('does nothing where no package is installed', async () => {
  await using checkout = await openCheckout(['package.json', 'scripts'], { packages: false });
  await mkdir(join(checkout.root, 'node_modules'));
  expect(await checkout.run('node', ['scripts/prune.mjs'])).toEqual({ code: 0, stdout: '', stderr: '' });
});
