/** `npm run cli -- check:campaign`: phones a campaign through the running service, and tells of every step when it happened. */
import { parseArgs } from 'node:util';
import { chooseCampaignAnywhere } from '../campaigns/choose-campaign.ts';
import { loadConfig, requireCallConfig, type CallConfig, type Config } from '../config.ts';
import { openDb, type Db } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { callerSampleRate, closeRtc } from '../simulators/caller/caller.ts';
import { openaiSampleRate, synthesizeWithOpenai } from '../local/check-campaign/openai-speech.ts';
import type { CheckStep } from '../local/check-campaign/advice.ts';
import { checkCall, type CheckOptions, type CheckReport } from '../local/check-campaign/check-call.ts';
import { announceUtterances, findDevState } from '../local/dev-state.ts';
import { synthesize } from '../simulators/speech/speech.ts';
import type { Step } from '../local/check-campaign/step-log.ts';
import { toE164 } from '../numbers/number.ts';
import { chooseTenant } from '../tenants/choose-tenant.ts';
import { grantScope } from '../tenants/grant-scope.ts';
import type { Command } from './command.ts';

/** Nobody has such a number, and nobody ever will. */
const testNumber = '+15555550100';
const standardLine = 'Hello, what can you do for me?';

const help = `Usage: npm run cli -- check:campaign CAMPAIGN [--tenant ID|NAME] [--from NUMBER] [--say TEXT] [--port PORT] [--json]

Phones the campaign (its id or exact name) as a simulated caller through the running service, with its real LiveKit and its
real providers, and prints every step with its time: in ms since the dial, and what it took. It ends at the first step that
doesn't happen, and says what came before it, what is likely behind it, and where to look.

The service is the npm run dev on this port, if there is one; else the one of the environment (LIVEKIT_*, DATABASE_URL,
OPENAI_API_KEY, which also speaks the caller's line), at PUBLIC_URL or http://127.0.0.1:PORT.

The call is recorded like any other: in the call log, and as a lead of the campaign. Its id is printed.

  --tenant ID|NAME  whose campaign, where several tenants have one of that name
  --from NUMBER     the caller's number (${testNumber}, which is nobody's)
  --say TEXT        what the caller says after the greeting ("${standardLine}")
  --port PORT       where the service listens (PORT)
  --json            prints one line of JSON: {"ok","callId","steps":[{"step","atMs","tookMs","state","detail"}]}

Exit code: 0 every step happened; 1 one didn't.`;

const optionsOf = (argv: string[]) =>
  parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      tenant: { type: 'string' },
      from: { type: 'string', default: testNumber },
      say: { type: 'string', default: standardLine },
      port: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });

type Ground = Pick<CheckOptions, 'url' | 'livekit' | 'inboundTrunkId' | 'synthesize' | 'sampleRate'> &
  Readonly<{ databaseUrl: string; what: string }>;

/** Which service is called: that of `npm run dev` where it is up, else that of the environment. */
const groundOf = async (config: Config): Promise<Ground> => {
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
      `No npm run dev is up on port ${config.port}, and of the environment:\n${error.message}`,
    );
  }
};

const choose = async (db: Db, idOrName: string, tenant: string | undefined) => {
  const tenantId = tenant === undefined ? null : (await chooseTenant(db, tenant)).id;
  const campaign = await chooseCampaignAnywhere(db, idOrName, tenantId);
  return { id: campaign.id, scope: grantScope(campaign.tenant.id) };
};

const nameOf = (step: CheckStep): string => step.replaceAll('_', ' ');

const stepLine = ({ step, atMs, tookMs, state, detail }: Step<CheckStep>): string => {
  const times =
    atMs === null || tookMs === null ? ' '.repeat(19) : `${String(atMs).padStart(6)} ms ${`+${tookMs}`.padStart(6)} ms`;
  return `${state.padEnd(7)} ${times}  ${nameOf(step).padEnd(16)} ${detail ?? ''}`.trimEnd();
};

/** A skipped step without a word of its own belongs to a walk that ended early. */
const isWorthALine = ({ state, detail }: Step<CheckStep>): boolean => state !== 'skipped' || detail !== null;

const closingLines = ({ ok, callId, steps }: CheckReport): string[] => {
  const failed = steps.findIndex(({ state }) => state === 'failed');
  const before = steps.slice(0, Math.max(0, failed)).findLast(({ state }) => state === 'ok');
  const failedStep = steps[failed];
  return [
    ...(failedStep === undefined
      ? []
      : [
          `"${nameOf(failedStep.step)}" did not happen; the last step before it: ${before === undefined ? 'none' : `"${nameOf(before.step)}"`}.`,
        ]),
    ...(callId === null
      ? ['No call was recorded.']
      : [`The call is recorded like any other, with its lead: ${callId}.`]),
    ...(ok ? ['Every step happened.'] : []),
  ];
};

const run = async (argv: string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const { values, positionals } = optionsOf(argv);
  const [campaign, ...more] = positionals;
  if (campaign === undefined || more.length > 0)
    throw new AppError('malformed', 'Give the id or the name of one campaign: check:campaign "Front desk".');
  if (values.say.trim() === '') throw new AppError('malformed', 'The caller must say something: --say TEXT.');
  const config = loadConfig({ ...env, ...(values.port !== undefined && { PORT: values.port }) });
  const ground = await groundOf(config);
  const print = (line: string): void => void (values.json || console.log(line));
  print(`Phones the campaign ${campaign} of ${ground.what} at ${ground.url}. Times since the dial, and of each step.`);
  await using db = await openDb(ground.databaseUrl);
  const report = await checkCall({
    ...ground,
    db,
    from: toE164(values.from, config.defaultCountry) ?? values.from,
    say: values.say,
    choose: () => choose(db, campaign, values.tenant),
    onStep: (step) => void (isWorthALine(step) && print(stepLine(step))),
  }).finally(closeRtc);
  if (values.json) console.log(JSON.stringify(report));
  else for (const line of closingLines(report)) print(line);
  return report.ok ? 0 : 1;
};

export const command: Command = {
  name: 'check:campaign',
  summary: 'phones a campaign through the running service, and tells of every step',
  help,
  run,
};
