import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Files that are run. Importing any other file must have no side effects. */
const entries = [
  'src/main.ts',
  'src/cli/main.ts',
  'src/local/{demo,dev,dev-service}.ts',
  'src/simulators/caller/caller-process.ts',
  'src/**/{thread,*-thread}.ts',
  'agents/telephony/main.ts',
  'scripts/migrate.ts',
  'test/{check,check-exports,run,faults}.ts',
  'test/bench/**/*.ts',
];
const consoleFiles = ['src/cli/**/*.ts', 'src/local/**/*.ts', 'src/simulators/**/*.ts', 'scripts/*.ts', 'test/**/*.ts'];
const tests = ['test/**/*.ts'];
const defaultExports = ['agents/telephony/main.ts', '*.config.{js,ts}', '.*.js'];

const doubleCast = {
  selector: 'TSAsExpression > TSAsExpression.expression[typeAnnotation.type="TSUnknownKeyword"]',
  message: '`as unknown as` hides mistakes from the compiler.',
};

const swallowed = {
  selector: 'CallExpression[callee.property.name="catch"] > ArrowFunctionExpression[body.body.length=0]',
  message: 'Handle the error, or state in the function why it is harmless.',
};

/** Statements and calls that have an effect when the file is imported. */
const opens =
  '/^(fastify|pino|connect|open[A-Z].*|create(Server|Connection)|listen|fetch|loadConfig|readFile(Sync)?|set(Interval|Timeout))$/i';
const holds = '/^(PrismaClient|Pool|Client|Worker|WebSocket|WebSocketServer|AgentServer|Room|Database)$/';
const atModuleLevel = ['Program >', 'Program > ExportNamedDeclaration >'];
const sideEffects = [
  'Program > ExpressionStatement:not([directive])',
  'Program > :matches(IfStatement, ForStatement, ForOfStatement, ForInStatement, WhileStatement, TryStatement, SwitchStatement, BlockStatement)',
  ...atModuleLevel.flatMap((level) => [
    `${level} VariableDeclaration > VariableDeclarator > AwaitExpression`,
    `${level} VariableDeclaration > VariableDeclarator > CallExpression[callee.name=${opens}]`,
    `${level} VariableDeclaration > VariableDeclarator > CallExpression[callee.property.name=${opens}]`,
    `${level} VariableDeclaration > VariableDeclarator > NewExpression[callee.name=${holds}]`,
    `${level} VariableDeclaration[kind="let"]`,
    `${level} VariableDeclaration[kind="using"], ${level} VariableDeclaration[kind="await using"]`,
  ]),
].map((selector) => ({ selector, message: 'Importing a file must have no side effects: do this in a function.' }));

/** Browser globals that the compiler accepts, but that are usually a forgotten variable. */
const browserGlobals = ['close', 'event', 'find', 'history', 'length', 'location', 'name', 'open', 'origin', 'parent']
  .concat(['print', 'screen', 'self', 'status', 'stop', 'top'])
  .map((name) => ({ name, message: 'This is a browser global, not a variable of yours.' }));

const exit = { object: 'process', property: 'exit', message: 'Set process.exitCode and close what is open instead.' };
const environment = {
  object: 'process',
  property: 'env',
  message: 'Only callers of loadConfig read the environment: take the value as an argument.',
};
const mock = { object: 'vi', property: 'mock', message: 'Test the real thing; fake only what is across the network.' };

export default defineConfig(
  globalIgnores(['src/database/generated/', 'test-results/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],
      // `import { type X }` still runs the file; `import type { X }` does not.
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      // Handlers and implementations of asynchronous interfaces need not await anything.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-empty': 'error',
      'no-restricted-exports': [
        'error',
        {
          restrictDefaultExports: {
            direct: true,
            named: true,
            defaultFrom: true,
            namedFrom: true,
            namespaceFrom: true,
          },
        },
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: ['process', 'node:process'].map((name) => ({
            name,
            message: 'Use the global `process`, which the rules below restrict.',
          })),
        },
      ],
      'no-restricted-globals': ['error', ...browserGlobals],
      'no-restricted-properties': ['error', exit, environment],
      'no-restricted-syntax': ['error', doubleCast, swallowed, ...sideEffects],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: consoleFiles, rules: { 'no-console': 'off' } },
  // The only place that may leave a promise floating: it keeps it in a set.
  {
    files: ['src/background.ts'],
    rules: { '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: true }] },
  },
  { files: defaultExports, rules: { 'no-restricted-exports': 'off' } },
  {
    files: ['src/config.ts', 'vitest.config.ts', ...entries],
    rules: { 'no-restricted-properties': ['error', exit] },
  },
  {
    files: tests,
    rules: {
      'max-lines': ['error', { max: 600, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'no-restricted-properties': ['error', exit, mock],
      'no-restricted-syntax': ['error', doubleCast],
    },
  },
  // A list of rules, not code.
  { files: ['.dependency-cruiser.js'], rules: { 'max-lines': 'off' } },
  { files: entries, rules: { 'no-restricted-syntax': ['error', doubleCast, swallowed] } },
  {
    files: ['**/*.{js,cjs,mjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { 'no-restricted-properties': 'off', 'no-restricted-syntax': 'off', 'no-undef': 'off' },
  },
);
