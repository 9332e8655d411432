// Which way imports go: docs of the same name in the README. A module's kind is told by its folder and name; new nouns are
// added to `nouns` below, anything else beside a store is a verb.
const nouns = [
  'calls/(call|job|lifecycle|room-event|answer|timing|reply-timing)',
  'routing/(route|hours)',
  'numbers/(number|owned-number|import-decision|trunk-record)',
  'leads/lead',
  'campaigns/(campaign|prompt|sentences)',
  'tenants/(tenant|agent|user|scope|access)',
  'doctor/link',
  'voices/(prepared-speech|openers|speech-request)',
];
/** What is started by name or path: nothing imports it. */
const entries = [
  '^src/(main|cli/main|local/(demo|dev|dev-service|caller-process))[.]ts$',
  '^src/.*[/-]thread[.]ts$',
  '^agents/telephony/main[.]ts$',
];
/** Puts the service together from its parts. */
const service = '^src/service[.]ts$';

const ours = '^(src|agents|test)';
const business = '^src/(calls|routing|numbers|leads|campaigns|tenants|voices)/';
const noun = `^src/(${nouns.join('|')})[.]ts$`;
const store = `${business}[a-z-]*store[.]ts$`;
/** The stores of a tenant's records: each function asks for the tenant's scope. */
const scopedStore = `${business}[a-z-]*scoped-store[.]ts$`;
/** The disk and the speech providers, as the voices need them. */
const voiceEdge = '^src/voices/(shelf|provider)[.]ts$';
/** How stores read long lists. */
const listing = '^src/listing[.]ts$';
const messages = '^src/link/messages[.]ts$'; // a noun, spoken on both sides of the link
/** Runs in a browser, which resolves its imports itself. */
const browser = '-client[.]js$';
/** What has no kind of its own: everybody may use it. */
const errors = '^src/(errors|text|records)[.]ts$';
const config = '^src/config[.]ts$';
const log = '^src/log[.]ts$';
const root = '^src/[^/]+[.]ts$';
const npm = (names) => `(^|/)node_modules/(${names})/`;
const builtIn = (names) => `^(node:)?(${names})$`;

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** What each kind of module may import; everything else is forbidden. */
const directions = [
  rule(
    'noun',
    'A noun holds types and pure rules: it sees zod, phone-number syntax and other nouns.',
    { path: [noun, messages] },
    { pathNot: [noun, messages, errors, npm('zod|libphonenumber-js')] },
  ),
  rule(
    'store',
    'A store sees the database and its own nouns.',
    { path: '^src/([^/]+)/[a-z-]*store[.]ts$' },
    {
      pathNot: [
        '^src/db[.]ts$',
        listing,
        errors,
        messages,
        '^src/tenants/scope[.]ts$', // whose records it may touch
        '^src/$1/',
        '^prisma/generated/',
        npm('@prisma|zod|uuid'),
        builtIn('crypto'),
      ],
    },
  ),
  rule('listing', 'Only stores read the database.', { path: '^src/', pathNot: store }, { path: listing }),
  rule('store-verb', 'A store knows no use case.', { path: store }, { path: business, pathNot: [noun, store] }),
  rule(
    'verb',
    'A verb sees nouns, stores, verbs and of the rest only types: it asks for what it uses.',
    { path: business, pathNot: [noun, store, voiceEdge] },
    { pathNot: [business, messages, errors, root, npm('zod'), builtIn('crypto|timers|timers/promises')] },
  ),
  rule(
    'verb-context',
    'A verb is given its context; it takes only the type from there. Of db.ts it uses what says where a transaction begins.',
    { path: business, pathNot: [noun, store, voiceEdge] },
    { path: root, pathNot: [errors, '^src/db[.]ts$'], dependencyTypesNot: ['type-only'] },
  ),
  rule(
    'edge',
    'The edges to LiveKit and Twilio see nouns, configuration and errors.',
    { path: '^src/(livekit|twilio)/' },
    { path: '^(src|agents|prisma)/', pathNot: [noun, messages, errors, config, log, '^src/$1/'] },
  ),
  rule(
    'voice-edge',
    'The disk and the speech providers see nouns, configuration and errors.',
    { path: voiceEdge },
    { path: '^(src|agents|prisma)/', pathNot: [noun, errors, config] },
  ),
  rule(
    'agents',
    'A call process owns no data: it sees its job, the messages of the link, which words begin a reply, how speech is asked for, configuration, log and errors.',
    { path: '^agents/' },
    {
      path: '^(src|prisma)/',
      pathNot: ['^src/calls/job[.]ts$', '^src/voices/(openers|speech-request)[.]ts$', messages, config, log, errors],
    },
  ),
  rule(
    'no-agents',
    'The worker holds only the path of the agent file.',
    { path: '^(src|prisma)/' },
    { path: '^agents/' },
  ),
  rule(
    'doors',
    'HTTP, the link and the commands are doors into the service: only what starts it opens them.',
    { path: '^src/', pathNot: ['^src/(http|cli)/', service, ...entries] },
    { path: ['^src/(http|cli)/', '^src/link/server[.]ts$'] },
  ),
  rule(
    'doors-apart',
    'HTTP and the commands know nothing of each other.',
    { path: '^src/(http|cli)/' },
    { path: ['^src/(http|cli)/', '^src/link/server[.]ts$'], pathNot: ['^src/$1/'] },
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
    { path: '^src/http/', pathNot: '^src/http/tenants[.]ts$' },
    { path: store, pathNot: scopedStore },
  ),
  rule('main', 'Nothing imports what acts when run.', {}, { path: entries }),
  rule(
    'local-mode',
    'The service never loads local mode: only commands do.',
    { path: '^src/', pathNot: '^src/(local|cli)/' },
    { path: '^src/local/' },
  ),
  rule(
    'local-mode-commands',
    'A command that needs local mode is loaded only when asked for.',
    { path: '^src/cli/main[.]ts$' },
    { path: '^src/local/', dynamic: false },
  ),
];

/** Which package is seen where. */
const packages = [
  ['prisma', '@prisma|prisma', [store, listing, '^src/db[.]ts$']],
  ['sql', 'pg|better-sqlite3', ['^src/db[.]ts$']],
  ['livekit-sdk', 'livekit-server-sdk', ['^src/(livekit|local)/']],
  ['livekit-agents', '@livekit', ['^src/(worker|local)/', '^agents/']],
  ['twilio-sdk', 'twilio', ['^src/twilio/']],
  ['fastify', 'fastify|fastify-type-provider-zod|@fastify', ['^src/(http|local)/', service]],
  ['ws', 'ws', ['^src/(link|local)/', '^agents/']],
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
    ...directions,
    ...packages,
    rule(
      'prisma-client',
      'Only stores and db.ts see the generated clients.',
      { path: '^(src|agents)/', pathNot: [store, '^src/db[.]ts$'] },
      { path: '^prisma/generated/' },
    ),
    rule(
      'prisma-folder',
      'Migrations and seed stand below the service.',
      { path: '^prisma/' },
      { path: '^src/(http|cli|link|worker|local|livekit|twilio)/' },
    ),
    rule('no-tests', 'What is shipped knows no tests.', { path: '^(src|agents|prisma)/' }, { path: '^test/' }),
    rule(
      'no-dev-dependencies',
      'What is shipped runs without the development packages; local mode is not shipped.',
      { path: '^(src|agents|prisma)/', pathNot: '^src/local/' },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'no-undeclared',
      'Packages that are imported are named in package.json.',
      {},
      { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'undetermined'] },
    ),
    rule('no-unresolvable', 'An import that leads nowhere.', { pathNot: browser }, { couldNotResolve: true }),
    rule(
      'no-cycle',
      'Files that need each other to run; types may name each other.',
      {},
      { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    ),
    rule(
      'no-orphan',
      'A file that nobody imports and that imports nothing.',
      { orphan: true, path: '^(src|agents)/', pathNot: [...entries, browser, '[.]d[.]ts$'] },
      {},
    ),
    rule(
      'no-junk-drawer',
      'Folders say the business.',
      { path: ours },
      { path: ours + '.*/(utils?|common|helpers?|lib|shared)(/|[.]ts$)' },
    ),
  ],
  options: {
    doNotFollow: { path: ['(^|/)node_modules/', '^prisma/generated/'] },
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
