/** `npm run cli -- check:campaign`: places a simulated call to a campaign and reports every step. */
import { parseArgs } from 'node:util';
import { chooseCampaignAnywhere } from '../campaigns/choose-campaign.ts';
import { loadConfig, requireCallConfig, type CallConfig, type Config } from '../config.ts';
import { openDb, type Db } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { callerSampleRate, closeRtc } from '../simulators/caller/caller.ts';
import { openaiSampleRate, synthesizeWithOpenai } from '../local/check-campaign/openai-speech.ts';
import { checkCall, type CheckOptions } from '../local/check-campaign/check-call.ts';
import { announceUtterances, findDevState } from '../local/dev-state.ts';
import { synthesize } from '../simulators/speech/speech.ts';
import { toE164 } from '../numbers/number.ts';
import { chooseTenant } from '../tenants/choose-tenant.ts';
import { grantScope } from '../tenants/grant-scope.ts';
import type { Command } from './command.ts';
import { isWorthPrinting, stepLine, summaryLines } from './reports/check-campaign.ts';

/** In a range reserved for fictional use. */
const defaultCaller = '+15555550100';
const defaultLine = 'Hello, what can you do for me?';

const help = `Usage: npm run cli -- check:campaign CAMPAIGN [--tenant ID|NAME] [--from NUMBER] [--say TEXT]
                                     [--port PORT] [--json]

Places a simulated call to the campaign (its id or exact name) through the running service, with its
LiveKit and its providers. Prints every step with its time since dialing, and how long it took. Stops
at the first step that fails, with the likely cause and where to look next.

Calls the npm run dev on this port if there is one, otherwise the service of the environment
(LIVEKIT_*, DATABASE_URL, OPENAI_API_KEY, which also speaks the caller's line) at PUBLIC_URL or
http://127.0.0.1:PORT.

The call is recorded like any other, in the call log and as a lead of the campaign.

  --tenant ID|NAME  the tenant, if several have a campaign of that name
  --from NUMBER     the caller's number (default: ${defaultCaller}, a fictional number)
  --say TEXT        what the caller says after the greeting (default: "${defaultLine}")
  --port PORT       the port of the service (default: PORT, or 3000)
  --json            print one line of JSON:
                    {"ok","callId","steps":[{"step","atMs","tookMs","state","detail"}]}

Exit code: 0 if every step succeeded, otherwise 1.`;

const optionsOf = (argv: string[]) =>
  parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      tenant: { type: 'string' },
      from: { type: 'string', default: defaultCaller },
      say: { type: 'string', default: defaultLine },
      port: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });

type Target = Pick<CheckOptions, 'url' | 'livekit' | 'inboundTrunkId' | 'synthesize' | 'sampleRate'> &
  Readonly<{ databaseUrl: string; what: string }>;

/** The service of a running `npm run dev`, otherwise the one of the environment. */
const targetOf = async (config: Config): Promise<Target> => {
  const dev = await findDevState(config.port);
  if (dev !== null)
    return {
      what: 'npm run dev',
      url: dev.url,
      livekit: dev.livekit,
      inboundTrunkId: null,
      databaseUrl: dev.databaseUrl,
      sampleRate: callerSampleRate,
      synthesize: async (text) => {
        await announceUtterances(dev, [text]);
        return synthesize(text, { voice: 'caller', sampleRate: callerSampleRate });
      },
    };
  const { livekit, openai, databaseUrl, publicUrl, port } = requireService(config);
  return {
    what: 'the service',
    url: publicUrl ?? `http://127.0.0.1:${port}`,
    livekit,
    inboundTrunkId: livekit.inboundTrunkId,
    databaseUrl,
    sampleRate: openaiSampleRate,
    synthesize: (text) => synthesizeWithOpenai(openai, text),
  };
};

const requireService = (config: Config): CallConfig => {
  try {
    return requireCallConfig(config);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(
      error.code,
      `No npm run dev is running on port ${config.port}, and the environment is incomplete:\n${error.message}`,
    );
  }
};

const choose = async (db: Db, idOrName: string, tenant: string | undefined) => {
  const tenantId = tenant === undefined ? null : (await chooseTenant(db, tenant)).id;
  const campaign = await chooseCampaignAnywhere(db, idOrName, tenantId);
  return { id: campaign.id, scope: grantScope(campaign.tenant.id) };
};

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const { values, positionals } = optionsOf(argv);
  const [campaign, ...more] = positionals;
  if (campaign === undefined || more.length > 0)
    throw new AppError('malformed', 'Exactly one campaign (id or name) is required: check:campaign "Front desk".');
  if (values.say.trim() === '') throw new AppError('malformed', '--say must not be empty.');
  const config = loadConfig({ ...env, ...(values.port !== undefined && { PORT: values.port }) });
  const target = await targetOf(config);
  const print = (line: string): void => void (values.json || console.log(line));
  print(`Calling campaign ${campaign} of ${target.what} at ${target.url}. Times: since dialing, and of each step.`);
  await using db = await openDb(target.databaseUrl);
  const report = await checkCall({
    ...target,
    db,
    from: toE164(values.from, config.defaultCountry) ?? values.from,
    say: values.say,
    choose: () => choose(db, campaign, values.tenant),
    onStep: (step) => void (isWorthPrinting(step) && print(stepLine(step))),
  }).finally(closeRtc);
  if (values.json) console.log(JSON.stringify(report));
  else for (const line of summaryLines(report)) print(line);
  return report.ok ? 0 : 1;
};

export const command: Command = {
  name: 'check:campaign',
  summary: 'place a simulated call to a campaign and report every step',
  help,
  run,
};
