// Which way imports go. docs/architecture.md shows the picture; `npm run check` enforces it, and test/unit/check/imports.test.ts
// plants one forbidden import for each rule and checks that every name below exists.

/**
 * All folders, and the files beside them, from the bottom up: each may import only what comes before it. So no two folders import
 * each other, and there are no cycles.
 */
const layers = [
  'src/errors.ts',
  'src/time-limit.ts',
  'src/log.ts',
  'src/version.ts',
  'src/background.ts',
  'src/environment.ts',
  'src/protocol/',
  'src/database/sqlite/',
  'src/database/',
  'src/framework/',
  'src/feed/',
  'src/routing/',
  'src/config.ts',
  'src/livekit/',
  'src/speech-cache/',
  'src/context.ts',
  'src/tenants/',
  'src/numbers/',
  'src/twilio/',
  'src/leads/',
  'src/campaigns/',
  'src/calls/timing/',
  'src/calls/',
  'src/calls/control/',
  'src/calls/recovery/',
  'src/calls/preview/',
  'src/calls/privacy/',
  'src/calls/agent-session/',
  'src/agent-link/',
  'src/worker/',
  'src/http/conventions/',
  'src/http/resources/',
  'src/http/',
  'src/service.ts',
  'src/simulators/audio/',
  'src/simulators/speech/',
  'src/simulators/providers/scenario/',
  'src/simulators/providers/simulation/',
  'src/simulators/providers/deepgram/',
  'src/simulators/providers/openai/',
  'src/simulators/providers/',
  'src/simulators/caller/',
  'src/local/livekit/',
  'src/local/call-page/',
  'src/local/',
  'src/local/check-campaign/',
  'src/doctor/',
  'src/cli/reports/',
  'src/cli/',
  'src/main.ts',
  'agents/telephony/audio/',
  'agents/telephony/stt/',
  'agents/telephony/llm/',
  'agents/telephony/tts/',
  'agents/telephony/speech/',
  'agents/telephony/turns/phrases/',
  'agents/telephony/turns/',
  'agents/telephony/session/tools/',
  'agents/telephony/session/',
  'agents/telephony/report/',
  'agents/telephony/room/',
  'agents/telephony/flow/',
  'agents/telephony/warm-up/',
  'agents/telephony/call.ts',
  'agents/telephony/main.ts',
];

/** Types and pure rules. Beside a store everything else is a verb. */
const nouns = [
  'calls/(call|lifecycle|room-event|answer|timing/timing|timing/reply-timing)',
  'routing/route',
  'numbers/(number|owned-number|import-decision|trunk-record)',
  'campaigns/(campaign|prompt|system-messages|speeches)',
  'tenants/(scope|access)',
  'doctor/check',
  'database/(paging|storable-text)',
  'livekit/room',
  'speech-cache/speech',
  'protocol/(job|messages|call-status|lead-in-phrases|speech-request)',
];
/** What is started by name or path: nothing imports it. */
const entries = [
  '^src/(main|cli/main|local/(demo|dev|dev-service)|simulators/caller/caller-process)[.]ts$',
  '^src/.*[/-]thread[.]ts$',
  '^agents/telephony/main[.]ts$',
];

const ours = '^(src|agents|scripts)/';
const business = '^src/(calls|routing|numbers|leads|campaigns|tenants)/';
const noun = `^src/(${nouns.join('|')})[.]ts$`;
const store = `${business}.*store[.]ts$`;
/** The stores of a tenant's records: each function asks for the tenant's scope. */
const scopedStore = `${business}.*scoped-store[.]ts$`;
/** Runs in a browser, which resolves its imports itself. */
const browser = '-client[.]js$';
const errors = '^src/errors[.]ts$';
const config = '^src/config[.]ts$';
const log = '^src/log[.]ts$';
const timeLimit = '^src/time-limit[.]ts$';
const generated = '^src/database/generated/';
const npm = (names) => `(^|/)node_modules/(${names})/`;
const builtIn = (names) => `^(node:)?(${names})$`;

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** `src/calls/` is the folder without its subfolders, which are layers of their own. */
const pathOf = (layer) => (layer.endsWith('/') ? `^${layer}[^/]+[.]` : `^${layer.replaceAll('.', '[.]')}$`);
const layerRules = layers
  .slice(0, -1)
  .map((layer, index) =>
    rule(
      `layer-${layer.replace(/^(src|agents[/]telephony)[/]|[/]$|[.]ts$/g, '')}`,
      `${layer} imports only what stands above it in the list of layers.`,
      { path: pathOf(layer), pathNot: browser },
      { path: layers.slice(index + 1).map(pathOf) },
    ),
  );

/** What each kind of module may import; everything else is forbidden. */
const directions = [
  rule(
    'layer-unknown',
    'Every folder has its place in the list of layers.',
    { path: ours, pathNot: [...layers.map(pathOf), generated, '^scripts/'] },
    {},
  ),
  rule(
    'noun',
    'A noun holds types and pure rules: it sees zod, phone-number syntax and other nouns.',
    { path: noun },
    { pathNot: [noun, errors, npm('zod|libphonenumber-js')] },
  ),
  rule(
    'store',
    'A store sees the database and its own nouns.',
    { path: '^src/([^/]+)/.*store[.]ts$' },
    {
      pathNot: [
        '^src/(database|protocol)/',
        errors,
        '^src/tenants/scope[.]ts$', // whose records it may touch
        '^src/$1/',
        npm('@prisma|zod|uuid'),
        builtIn('crypto'),
      ],
    },
  ),
  rule(
    'keyset-list',
    'Only stores read the database.',
    { path: '^src/', pathNot: store },
    { path: '^src/database/keyset-list[.]ts$' },
  ),
  rule('store-verb', 'A store knows no use case.', { path: store }, { path: business, pathNot: [noun, store] }),
  rule(
    'verb',
    'A verb sees nouns, stores, verbs, the speech cache, and of the rest only types: it asks for what it uses.',
    { path: business, pathNot: [noun, store] },
    {
      pathNot: [
        ...[business, noun, errors, timeLimit, config],
        '^src/(context|background)[.]ts$',
        '^src/(database|speech-cache)/',
        npm('zod'),
        builtIn('crypto|timers|timers/promises'),
      ],
    },
  ),
  rule(
    'verb-context',
    'A verb is given its context; it takes only the type from there.',
    { path: business, pathNot: [noun, store] },
    { path: ['^src/(context|background)[.]ts$', config], dependencyTypesNot: ['type-only'] },
  ),
  rule(
    'edge',
    'The edges to LiveKit, Twilio and the speech providers see nouns, configuration and errors.',
    { path: '^src/(livekit|twilio|speech-cache)/' },
    { path: ours, pathNot: [noun, errors, timeLimit, config, log, '^src/$1/'] },
  ),
  rule(
    'agents',
    'A call process owns no data: it sees the protocol, our seams in the framework, the log and errors.',
    { path: '^agents/' },
    { path: '^(src|scripts)/', pathNot: ['^src/(protocol|framework)/', log, timeLimit, errors] },
  ),
  rule(
    'no-agents',
    'The worker holds only the path of the agent file.',
    { path: '^(src|scripts)/' },
    { path: '^agents/' },
  ),
  rule(
    'doors',
    'HTTP, the agent link and the commands are doors into the service: only what starts it opens them.',
    { path: '^src/', pathNot: ['^src/(http|cli|agent-link)/', '^src/service[.]ts$', ...entries] },
    { path: '^src/(http|cli|agent-link)/' },
  ),
  rule(
    'doors-apart',
    'The doors know nothing of each other.',
    { path: '^src/(http|cli|agent-link)/' },
    { path: '^src/(http|cli|agent-link)/', pathNot: '^src/$1/' },
  ),
  rule(
    'scope-grant',
    "Authentication alone makes a tenant's scope; a command's user has the machine.",
    { path: '^src/', pathNot: ['^src/tenants/authenticate[.]ts$', '^src/cli/'] },
    { path: '^src/tenants/grant-scope[.]ts$' },
  ),
  rule(
    'http-scope',
    'HTTP reads and changes records only in the scope of a tenant; tenants themselves are for the admin.',
    { path: '^src/http/', pathNot: '^src/http/resources/tenants[.]ts$' },
    { path: store, pathNot: scopedStore },
  ),
  rule('main', 'Nothing imports what acts when run.', {}, { path: entries }),
  rule(
    'local-mode',
    'The service never loads local mode or the simulators: only commands do.',
    { path: '^src/', pathNot: '^src/(local|cli|simulators)/' },
    { path: '^src/(local|simulators)/' },
  ),
  rule(
    'local-mode-commands',
    'A command that needs local mode is loaded only when asked for.',
    { path: '^src/cli/main[.]ts$' },
    { path: '^src/(local|simulators)/', dynamic: false },
  ),
  rule(
    'simulators',
    'Simulators share no code with the product: a mistake made twice would never be noticed.',
    { path: '^src/simulators/' },
    { path: ours, pathNot: '^src/simulators/' },
  ),
];

/** Which package is seen where. */
const packages = [
  ['prisma', '@prisma|prisma', [store, '^src/database/']],
  ['sql', 'pg|better-sqlite3', ['^src/database/']],
  ['livekit-sdk', 'livekit-server-sdk', ['^src/(livekit|local|simulators)/']],
  ['livekit-agents', '@livekit', ['^src/(worker|framework|simulators)/', '^agents/']],
  ['twilio-sdk', 'twilio', ['^src/twilio/']],
  ['fastify', 'fastify|fastify-type-provider-zod|@fastify', ['^src/(http|local)/', '^src/service[.]ts$']],
  ['ws', 'ws', ['^src/(agent-link|simulators)/', '^agents/']],
].map(([name, names, seenBy]) =>
  rule(
    `package-${name}`,
    `Only ${seenBy.join(', ')} may see it.`,
    { path: '^(src|agents)/', pathNot: seenBy },
    { path: npm(names) },
  ),
);

export default {
  forbidden: [
    ...layerRules,
    ...directions,
    ...packages,
    rule(
      'prisma-client',
      'Only the database folder sees the generated clients; stores, their types.',
      { path: '^(src|agents)/', pathNot: [store, '^src/database/'] },
      { path: generated },
    ),
    rule(
      'scripts',
      'What runs before the service starts stands below it.',
      { path: '^scripts/' },
      { path: '^src/', pathNot: ['^src/database/', errors] },
    ),
    rule('no-tests', 'What is shipped knows no tests.', { path: ours }, { path: '^test/' }),
    rule(
      'no-dev-dependencies',
      'What is shipped runs without the development packages; local mode, the simulators and the client generator are not shipped.',
      { path: ours, pathNot: ['^src/(local|simulators)/', '^scripts/generate-client[.]mjs$'] },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'no-undeclared',
      'Packages that are imported are named in package.json.',
      {},
      { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'undetermined'] },
    ),
    rule('no-unresolvable', 'An import that leads nowhere.', { pathNot: browser }, { couldNotResolve: true }),
    rule('no-cycle', 'Files that need each other, for types too.', { pathNot: generated }, { circular: true }),
    rule(
      'no-orphan',
      'A file that nobody imports and that imports nothing.',
      { orphan: true, path: '^(src|agents)/', pathNot: [...entries, browser, '[.]d[.]ts$'] },
      {},
    ),
    rule(
      'no-junk-drawer',
      'Folders are named for the domain.',
      { path: ours },
      { path: '^(src|agents|scripts|test)/.*(utils?|common|helpers?|lib|shared)(/|[.]ts$)' },
    ),
  ],
  options: {
    doNotFollow: { path: ['(^|/)node_modules/', generated] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['node', 'import', 'types', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.d.ts', '.json', '.node'],
    },
  },
};
