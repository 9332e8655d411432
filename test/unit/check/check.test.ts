import { expect, test } from 'vitest';
import { openCheckout } from '#test/support/checkout.ts';
import { frame, smallService } from './small-service.ts';

const TIMEOUT_MS = 120_000;

test('npm run check passes on a clean tree, and names what fails on another', { timeout: TIMEOUT_MS }, async () => {
  await using checkout = await openCheckout(frame);
  await checkout.write(smallService);
  const clean = await checkout.run('node', ['test/check.ts']);
  expect(
    clean.stdout
      .replaceAll(/\d+\.\d s/g, '…')
      .trim()
      .split('\n')
      .sort(),
  ).toEqual(['ok      format (…)', 'ok      imports (…)', 'ok      lint (…)', 'ok      types (…)']);
  expect(clean.code).toBe(0);

  await checkout.write({
    'src/http/agents.ts': `import agent from '#agents/telephony/main.ts';\n\nexport const a = agent;\n`,
    'src/http/state.ts': `export enum State {\n  Ringing,\n}\nexport const first: string = ['a'][0];\n`,
    'src/http/format.ts': `export const  a = "a"\n`,
  });
  const { code, stdout } = await checkout.run('node', ['test/check.ts']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^failed {2}imports/m);
  expect(stdout).toContain('error no-agents: src/http/agents.ts → agents/telephony/main.ts');
  expect(stdout).toMatch(/^failed {2}types/m);
  expect(stdout).toMatch(/state\.ts\(1,13\): error TS1294/); // not erasable
  expect(stdout).toMatch(/state\.ts\(4,14\): error TS2322/); // an index may be out of range
  expect(stdout).toMatch(/^failed {2}format[^]*src\/http\/format\.ts/m);
  expect(stdout).toMatch(/^ok {6}lint/m);
});

test('a tool that reads no files does not pass', async () => {
  await using checkout = await openCheckout(frame);
  await checkout.write({ 'src/a.ts': 'export const a = 1;\n', 'src/main.ts': 'console.log(1);\n' });
  const { code, stdout } = await checkout.run('node', ['test/check.ts', 'imports']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^failed {2}imports/m);
});

test('an export that no other file imports is refused', async () => {
  await using checkout = await openCheckout([...frame, 'test/check-exports.ts']);
  await checkout.write({
    'src/a.ts': 'export const used = 1;\nexport const unused = used;\nexport type Unused = typeof unused;\n',
    'src/b.ts': "import { used } from './a.ts';\n\nexport default used;\n",
    'src/c.ts': "export { default as b } from '#src/b.ts';\nexport const loaded = () => import('./d.ts');\n",
    'src/d.ts': 'export const d = 1;\n',
    'test/c.test.ts': "import { b, loaded } from '#src/c.ts';\n\nexport const result = [b, loaded];\n",
  });
  const { code, stdout } = await checkout.run('node', ['test/check.ts', 'exports']);
  expect(code).toBe(1);
  expect(stdout.match(/^Exported, .*$/gm)).toEqual([
    'Exported, but imported by no other file: src/a.ts unused',
    'Exported, but imported by no other file: src/a.ts Unused',
  ]);
});

/** Lines that lint must refuse in src/, each with the rule that does. */
const lines: [line: string, rule: string][] = [
  ['export const a = (x: any): unknown => x as unknown;', '@typescript-eslint/no-explicit-any'],
  ['export const b = (x: object) => x as unknown as string;', 'no-restricted-syntax'],
  ['export const c = () => process.env.PORT;', 'no-restricted-properties'],
  ['export const d = () => process.exit(1);', 'no-restricted-properties'],
  ['export const e = () => { Promise.resolve(1); };', '@typescript-eslint/no-floating-promises'],
  ['export const f = () => { void Promise.resolve(1); };', '@typescript-eslint/no-floating-promises'],
  [
    'export const g = () => { [1].forEach(async () => { await Promise.resolve(1); }); };',
    '@typescript-eslint/no-misused-promises',
  ],
  [
    "export const h = (x: 'a' | 'b') => { switch (x) { case 'a': return 1; } };",
    '@typescript-eslint/switch-exhaustiveness-check',
  ],
  ['export const i = () => { console.log(1); };', 'no-console'],
  ['export default function j() { return 1; }', 'no-restricted-exports'],
  ['export const k = await Promise.resolve(1);', 'no-restricted-syntax'],
  ['export const l = setInterval(() => 1, 1000);', 'no-restricted-syntax'],
  ["process.on('SIGTERM', () => 1);", 'no-restricted-syntax'],
  ['export let m = 1;', 'no-restricted-syntax'],
  ['export const n = () => Promise.resolve(1).catch(() => {});', 'no-restricted-syntax'],
  ["import { env } from 'node:process'; export const o = () => env;", 'no-restricted-imports'],
  ['export const p = () => { try { return 1; } catch {} };', 'no-empty'],
  [`export const q = () => {\n${'  Math.random();\n'.repeat(41)}};`, 'max-lines-per-function'],
  [Array.from({ length: 301 }, (_, i) => `export const r${i} = 1;`).join('\n'), 'max-lines'],
  [
    "import { type Server } from 'node:http'; export type S = Server;",
    '@typescript-eslint/no-import-type-side-effects',
  ],
];

test('lint enforces the rules of the design', { timeout: TIMEOUT_MS }, async () => {
  await using checkout = await openCheckout(frame);
  await checkout.write(Object.fromEntries(lines.map(([line], index) => [`src/http/plant-${index}.ts`, `${line}\n`])));
  const { stdout } = await checkout.run('node', ['node_modules/eslint/bin/eslint.js', '--format=json', 'src']);
  const reports = JSON.parse(stdout) as { filePath: string; messages: { ruleId: string }[] }[];
  const found = lines.map(([line], index) => {
    const report = reports.find(({ filePath }) => filePath.endsWith(`/plant-${index}.ts`));
    return [line, report?.messages.map(({ ruleId }) => ruleId)];
  });
  expect(found).toEqual(lines.map(([line, rule]) => [line, expect.arrayContaining([rule]) as string[]]));
});
