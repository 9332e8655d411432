// Which way imports go; docs/architecture.md has the diagram, docs/decisions/0017-the-tree.md the reasons. `npm run check` enforces
// it. test/unit/check/imports.test.ts plants a forbidden import for each rule, and checks that every name below exists.

/**
 * All folders, and the files beside them, from the bottom up: each may import only from those before it. So no two folders import
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

/** Modules with types and pure rules. Apart from stores, every other module of the business folders is a verb. */
const nouns = [
  'calls/(call|lifecycle|room-event|answer|timing/timing|timing/reply-timing)',
  'routing/route',
  'numbers/(number|owned-number|import-decision|trunk-record)',
  'leads/lead',
  'campaigns/(campaign|prompt|system-messages|speeches)',
  'tenants/(scope|access)',
  'doctor/check',
  'database/(paging|storable-text)',
  'livekit/room',
  'speech-cache/speech',
  'protocol/(job|messages|call-status|lead-in-phrases|speech-request)',
];
/** Modules that are started by path; nothing imports them. */
const entries = [
  '^src/(main|cli/main|local/(demo|dev|dev-service)|simulators/caller/caller-process)[.]ts$',
  '^src/.*[/-]thread[.]ts$',
  '^agents/telephony/main[.]ts$',
];

const ours = '^(src|agents|scripts)/';
const business = '^src/(calls|routing|numbers|leads|campaigns|tenants)/';
const noun = `^src/(${nouns.join('|')})[.]ts$`;
const store = `${business}.*store[.]ts$`;
/** Stores of a tenant's records: each function requires the tenant's scope. */
const scopedStore = `${business}.*scoped-store[.]ts$`;
/** Runs in a browser, which resolves imports by itself. */
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
      `${layer} may import only from layers before it in the list.`,
      { path: pathOf(layer), pathNot: browser },
      { path: layers.slice(index + 1).map(pathOf) },
    ),
  );

/** What each kind of module may import; everything else is forbidden. */
const directions = [
  rule(
    'layer-unknown',
    'Every folder must be in the list of layers.',
    { path: ours, pathNot: [...layers.map(pathOf), generated, '^scripts/'] },
    {},
  ),
  rule(
    'noun',
    'A noun contains types and pure rules: it may import zod, phone-number parsing and other nouns.',
    { path: noun },
    { pathNot: [noun, errors, npm('zod|libphonenumber-js')] },
  ),
  rule(
    'store',
    'A store may import the database and the nouns of its own folder.',
    { path: '^src/([^/]+)/.*store[.]ts$' },
    {
      pathNot: [
        '^src/(database|protocol)/',
        errors,
        '^src/tenants/scope[.]ts$', // the scope that scoped stores require
        '^src/$1/',
        npm('@prisma|zod|uuid'),
        builtIn('crypto'),
      ],
    },
  ),
  rule(
    'keyset-list',
    'Only stores query the database.',
    { path: '^src/', pathNot: store },
    { path: '^src/database/keyset-list[.]ts$' },
  ),
  rule('store-verb', 'A store may not import verbs.', { path: store }, { path: business, pathNot: [noun, store] }),
  rule(
    'verb',
    'A verb may import nouns, stores, verbs and the speech cache; everything else it gets as an argument.',
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
    'A verb gets its context as an argument; it may import only the type.',
    { path: business, pathNot: [noun, store] },
    { path: ['^src/(context|background)[.]ts$', config], dependencyTypesNot: ['type-only'] },
  ),
  rule(
    'edge',
    'Clients of LiveKit, Twilio and the speech providers may import only nouns, configuration and errors.',
    { path: '^src/(livekit|twilio|speech-cache)/' },
    { path: ours, pathNot: [noun, errors, timeLimit, config, log, '^src/$1/'] },
  ),
  rule(
    'agents',
    'A call host owns no data: it may import the protocol, the framework seams, the log and errors.',
    { path: '^agents/' },
    { path: '^(src|scripts)/', pathNot: ['^src/(protocol|framework)/', log, timeLimit, errors] },
  ),
  rule(
    'no-agents',
    'The service starts agents by path, in other processes.',
    { path: '^(src|scripts)/' },
    { path: '^agents/' },
  ),
  rule(
    'entry-points',
    'HTTP, the agent link and the CLI are entry points: only the service and the commands may import them.',
    { path: '^src/', pathNot: ['^src/(http|cli|agent-link)/', '^src/service[.]ts$', ...entries] },
    { path: '^src/(http|cli|agent-link)/' },
  ),
  rule(
    'entry-points-apart',
    'The entry points are independent of one another.',
    { path: '^src/(http|cli|agent-link)/' },
    { path: '^src/(http|cli|agent-link)/', pathNot: '^src/$1/' },
  ),
  rule(
    'scope-grant',
    "Only authentication creates a tenant's scope, and CLI commands, whose user controls the machine.",
    { path: '^src/', pathNot: ['^src/tenants/authenticate[.]ts$', '^src/cli/'] },
    { path: '^src/tenants/grant-scope[.]ts$' },
  ),
  rule(
    'http-scope',
    'HTTP accesses records only in the scope of a tenant; the tenants themselves belong to the admin.',
    { path: '^src/http/', pathNot: '^src/http/resources/tenants[.]ts$' },
    { path: store, pathNot: scopedStore },
  ),
  rule('main', 'Modules that are started by path are never imported.', {}, { path: entries }),
  rule(
    'local-mode',
    'The service never loads local mode or the simulators; only commands do.',
    { path: '^src/', pathNot: '^src/(local|cli|simulators)/' },
    { path: '^src/(local|simulators)/' },
  ),
  rule(
    'local-mode-commands',
    'Commands that need local mode are loaded only when they run.',
    { path: '^src/cli/main[.]ts$' },
    { path: '^src/(local|simulators)/', dynamic: false },
  ),
  rule(
    'simulators',
    'Simulators share no code with the product: a shared mistake would go unnoticed.',
    { path: '^src/simulators/' },
    { path: ours, pathNot: '^src/simulators/' },
  ),
];

/** Where each package may be imported. */
const packages = [
  ['prisma', '@prisma|prisma', [store, '^src/database/']],
  ['sql', 'pg|better-sqlite3', ['^src/database/']],
  ['livekit-sdk', 'livekit-server-sdk', ['^src/(livekit|local|simulators)/']],
  ['livekit-agents', '@livekit', ['^src/(worker|framework|simulators)/', '^agents/']],
  ['twilio-sdk', 'twilio', ['^src/twilio/']],
  ['fastify', 'fastify|fastify-type-provider-zod|@fastify', ['^src/(http|local)/', '^src/service[.]ts$']],
  ['ws', 'ws', ['^src/(agent-link|simulators)/', '^agents/']],
].map(([name, names, importers]) =>
  rule(
    `package-${name}`,
    `Only ${importers.join(', ')} may import it.`,
    { path: '^(src|agents)/', pathNot: importers },
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
      'Only database/ may import the generated clients; stores may import their types.',
      { path: '^(src|agents)/', pathNot: [store, '^src/database/'] },
      { path: generated },
    ),
    rule(
      'scripts',
      'Scripts run before the service starts, and may import only the database and errors.',
      { path: '^scripts/' },
      { path: '^src/', pathNot: ['^src/database/', errors] },
    ),
    rule('no-tests', 'Shipped code never imports tests.', { path: ours }, { path: '^test/' }),
    rule(
      'no-dev-dependencies',
      'Shipped code runs without development packages. Local mode, the simulators and the client generator are not shipped.',
      { path: ours, pathNot: ['^src/(local|simulators)/', '^scripts/generate-client[.]mjs$'] },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'no-undeclared',
      'Every imported package must be in package.json.',
      {},
      { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'undetermined'] },
    ),
    rule('no-unresolvable', 'The import resolves to no file.', { pathNot: browser }, { couldNotResolve: true }),
    rule('no-cycle', 'Files that import each other, even for types.', { pathNot: generated }, { circular: true }),
    rule(
      'no-orphan',
      'A file that imports nothing and is imported by nothing.',
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
