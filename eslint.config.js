import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** The files that act when run; importing any other file does nothing. */
const entries = [
  'src/main.ts',
  'src/cli/main.ts',
  'src/local/{demo,dev,dev-service}.ts',
  'src/simulators/caller/caller-process.ts',
  'src/**/{thread,*-thread}.ts',
  'agents/telephony/main.ts',
  'scripts/migrate.ts',
  'test/{check,run,faults}.ts',
  'test/bench/**/*.ts',
];
const forPeople = ['src/cli/**/*.ts', 'src/local/**/*.ts', 'src/simulators/**/*.ts', 'scripts/*.ts', 'test/**/*.ts'];
const tests = ['test/**/*.ts'];
const defaultExports = ['agents/telephony/main.ts', '*.config.{js,ts}', '.*.js'];

const doubleCast = {
  selector: 'TSAsExpression > TSAsExpression.expression[typeAnnotation.type="TSUnknownKeyword"]',
  message: '`as unknown as` hides a mistake from the compiler.',
};

const swallowed = {
  selector: 'CallExpression[callee.property.name="catch"] > ArrowFunctionExpression[body.body.length=0]',
  message: 'Handle the failure, or say in the function what makes it harmless.',
};

/** Statements and calls that do something as soon as the file is imported. */
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
].map((selector) => ({ selector, message: 'Importing a file does nothing: do this in a function.' }));

/** Names that the compiler knows from the browser, and that are more often a forgotten variable. */
const browserGlobals = ['close', 'event', 'find', 'history', 'length', 'location', 'name', 'open', 'origin', 'parent']
  .concat(['print', 'screen', 'self', 'status', 'stop', 'top'])
  .map((name) => ({ name, message: 'This is the browser’s variable of that name.' }));

const exit = { object: 'process', property: 'exit', message: 'Set process.exitCode and close what is open.' };
const environment = {
  object: 'process',
  property: 'env',
  message: 'The environment is read once, by who calls loadConfig: ask for the value instead.',
};
const mock = { object: 'vi', property: 'mock', message: 'Test the real thing: fakes stand at the wire only.' };

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
      // Fastify's handlers and interfaces of ours are asynchronous by type, whether or not this one waits for something.
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
            message: 'Use the global process, which is watched.',
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
  { files: forPeople, rules: { 'no-console': 'off' } },
  // The one place where a promise may be let go: it is kept in a set there.
  {
    files: ['src/background.ts'],
    rules: { '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: true }] },
  },
  { files: defaultExports, rules: { 'no-restricted-exports': 'off' } },
  {
    files: ['src/config.ts', ...entries],
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
