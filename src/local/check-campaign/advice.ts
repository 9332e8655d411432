/** Why a step of `check:campaign` didn't happen, as far as can be told from outside, and where to look. */
import { z } from 'zod';
import { describeError } from '../../errors.ts';
import { CallRejected } from '../../simulators/caller/sip-participant.ts';

/** In the order in which they are taken. */
export const checkSteps = [
  'campaign',
  'number',
  'line',
  'routed',
  'room_joined',
  'agent_joined',
  'picked_up',
  'greeting_heard',
  'greeting_ended',
  'line_said',
  'line_transcribed',
  'answer_heard',
  'answer_ended',
  'hung_up',
  'record_final',
] as const;
export type CheckStep = (typeof checkSteps)[number];

const healthAnswer = z.object({ failing: z.array(z.string()), worker: z.string(), ready_processes: z.number() });
type Health = z.infer<typeof healthAnswer>;

const healthTimeoutMs = 5_000;
const healthPath = '/api/v1/webhooks/health';

/** What the service says of itself; null where it says nothing. */
const askHealth = async (url: string): Promise<Health | null> => {
  try {
    const response = await fetch(`${url}${healthPath}`, { signal: AbortSignal.timeout(healthTimeoutMs) });
    return healthAnswer.parse(await response.json());
  } catch {
    return null; // Nobody there, or somebody else: that is the answer.
  }
};

const healthSentence = (url: string, health: Health | null): string => {
  if (health === null)
    return `Nobody answers at ${url}: start the service there (npm start), or say by PUBLIC_URL or PORT where it is.`;
  if (health.failing.length === 0) return `The service's health (${url}${healthPath}) is ok.`;
  const parts = health.failing.map((part) => (part === 'worker' ? `worker (${health.worker})` : part));
  return `The service's health (${url}${healthPath}) says what fails: ${parts.join(', ')}.`;
};

/** What the agent told of a part that failed it. */
export const failureEvent = z.object({ part: z.string(), detail: z.string() });
export type ReportedFailure = Readonly<z.infer<typeof failureEvent>>;

type Circumstances = Readonly<{
  url: string;
  /** What is dialed, and whom routing chose, as far as it came. */
  number: string | null;
  agentName: string | null;
  /** What the call's own record tells of. */
  failures: readonly ReportedFailure[];
}>;

const refusalAdvice = (error: unknown, number: string | null): string => {
  const status = error instanceof CallRejected ? error.status : null;
  switch (status) {
    case null:
      return '';
    case 401:
      return 'The service has another LIVEKIT_API_SECRET than this command.';
    case 403:
      return "The number's trunk is not the service's LIVEKIT_INBOUND_TRUNK_ID: npm run cli -- sync:livekit says which it is.";
    case 409:
      return 'As many calls as max_concurrent of the campaign allows are open: try again later.';
    default:
      return `npm run cli -- route:explain --to ${number ?? 'NUMBER'} gives every reason.`;
  }
};

/** What is most likely behind a step that didn't happen, where the service itself says that it is well. */
const advice = {
  campaign: () => '',
  number: () => '',
  line: () => '',
  routed: (error, { number }) => refusalAdvice(error, number),
  room_joined: () =>
    'Does this machine reach LIVEKIT_URL, and are LIVEKIT_API_KEY and LIVEKIT_API_SECRET of that project?',
  agent_joined: (_, { agentName }) =>
    `Routing chose the agent ${agentName ?? ''}: is that the AGENT_NAME of a service at the same LIVEKIT_URL?`,
  picked_up: () => "The agent is in the room without a voice: the service's log says why.",
  greeting_heard: () => 'The agent is there and says nothing: its voice (OPENAI_API_KEY, or DEEPGRAM_API_KEY) failed.',
  greeting_ended: () => "The agent doesn't stop: how long is the campaign's greeting?",
  line_said: () => 'The line to the room broke.',
  line_transcribed: () => 'The agent heard nothing, or its hearing (DEEPGRAM_API_KEY) failed.',
  answer_heard: () => 'The agent understood and says nothing: its model or its voice (OPENAI_API_KEY) failed.',
  answer_ended: () => "The agent doesn't stop: does the campaign's prompt ask for short answers?",
  hung_up: () => '',
  record_final: () =>
    'The end of the call did not reach the service: its log says why, check:inbound whether webhooks come.',
} as const satisfies Record<CheckStep, (error: unknown, around: Circumstances) => string>;

/** Steps that say all there is to say by themselves. */
const ownWords: readonly CheckStep[] = ['campaign', 'number', 'line'];

/** What happened, what is likely behind it, and where to look: a few sentences. */
export const explainFailure = async (step: CheckStep, error: unknown, around: Circumstances): Promise<string> => {
  const said = describeError(error);
  if (ownWords.includes(step)) return said;
  const { url, number, failures: troubles } = around;
  const told = troubles.map(({ part, detail }) => `${part}: ${detail}`).join('; ');
  return [
    said.endsWith('.') ? said : `${said}.`,
    told === '' ? '' : `The call's record tells of trouble: ${told}.`,
    healthSentence(url, await askHealth(url)),
    advice[step](error, around),
    `Look further: npm run cli -- check:inbound ${number ?? ''}`.trimEnd(),
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
};
