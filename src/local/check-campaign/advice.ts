/** Why a step of `check:campaign` failed, as far as that can be told from outside, and where to look next. */
import { z } from 'zod';
import { describeError } from '../../errors.ts';
import { CallRejected } from '../../simulators/caller/sip-participant.ts';

/** In the order in which they run. */
export const checkSteps = [
  'campaign',
  'number',
  'caller_speech',
  'routed',
  'room_joined',
  'agent_joined',
  'picked_up',
  'greeting_heard',
  'greeting_ended',
  'caller_spoke',
  'transcribed',
  'reply_heard',
  'reply_ended',
  'hung_up',
  'record_final',
] as const;
export type CheckStep = (typeof checkSteps)[number];

const healthResponse = z.object({ failing: z.array(z.string()), worker: z.string(), ready_processes: z.number() });
type Health = z.infer<typeof healthResponse>;

const healthTimeoutMs = 5_000;
const healthPath = '/api/v1/webhooks/health';

/** The service's own view of its health; null if it doesn't respond. */
const fetchHealth = async (url: string): Promise<Health | null> => {
  try {
    const response = await fetch(`${url}${healthPath}`, { signal: AbortSignal.timeout(healthTimeoutMs) });
    return healthResponse.parse(await response.json());
  } catch {
    return null; // Nothing listens there, or something else does.
  }
};

const describeHealth = (url: string, health: Health | null): string => {
  if (health === null)
    return `The service does not respond at ${url}: start it (npm start), or set PUBLIC_URL or PORT to where it runs.`;
  if (health.failing.length === 0) return `The service reports that it is healthy (${url}${healthPath}).`;
  const parts = health.failing.map((part) => (part === 'worker' ? `worker (${health.worker})` : part));
  return `The service reports failures (${url}${healthPath}): ${parts.join(', ')}.`;
};

/** A failure that the agent reported on the call's record. */
export const failureEvent = z.object({ part: z.string(), detail: z.string() });
export type ReportedFailure = Readonly<z.infer<typeof failureEvent>>;

type Circumstances = Readonly<{
  url: string;
  /** The dialed number, and the agent that routing chose; null if the check didn't get that far. */
  number: string | null;
  agentName: string | null;
  /** From the call's record. */
  failures: readonly ReportedFailure[];
}>;

const rejectionAdvice = (error: unknown, number: string | null): string => {
  const status = error instanceof CallRejected ? error.status : null;
  switch (status) {
    case null:
      return '';
    case 401:
      return "The LIVEKIT_API_SECRET of this command is not the service's.";
    case 403:
      return "The number's trunk is not the LIVEKIT_INBOUND_TRUNK_ID of the service; npm run cli -- sync:livekit shows the right one.";
    case 409:
      return "The campaign's max_concurrent calls are all in use: try again later.";
    default:
      return `npm run cli -- route:explain --to ${number ?? 'NUMBER'} shows how the call was routed.`;
  }
};

/** The most likely cause if the service is healthy. */
const advice = {
  campaign: () => '',
  number: () => '',
  caller_speech: () => '',
  routed: (error, { number }) => rejectionAdvice(error, number),
  room_joined: () =>
    'Check that this machine can reach LIVEKIT_URL, and that LIVEKIT_API_KEY and LIVEKIT_API_SECRET belong to that project.',
  agent_joined: (_, { agentName }) =>
    `Routing chose the agent ${agentName ?? ''}: check that it is the AGENT_NAME of a service at the same LIVEKIT_URL.`,
  picked_up: () => "The agent joined the room but published no audio: see the service's log.",
  greeting_heard: () =>
    'The agent joined but said nothing: its text-to-speech failed (OPENAI_API_KEY, or DEEPGRAM_API_KEY).',
  greeting_ended: () => "The agent does not stop speaking: check the length of the campaign's greeting.",
  caller_spoke: () => 'The connection to the room was lost.',
  transcribed: () => 'The agent heard nothing, or its speech-to-text failed (DEEPGRAM_API_KEY).',
  reply_heard: () =>
    'The agent understood but did not reply: its language model or text-to-speech failed (OPENAI_API_KEY).',
  reply_ended: () => "The agent does not stop speaking: does the campaign's prompt ask for short replies?",
  hung_up: () => '',
  record_final: () =>
    "The end of the call did not reach the service: see the service's log; check:inbound tells whether webhooks arrive.",
} as const satisfies Record<CheckStep, (error: unknown, circumstances: Circumstances) => string>;

/** Steps whose error says everything. */
const selfExplanatory: readonly CheckStep[] = ['campaign', 'number', 'caller_speech'];

/** What happened, the likely cause, and where to look next, in a few sentences. */
export const explainFailure = async (
  step: CheckStep,
  error: unknown,
  circumstances: Circumstances,
): Promise<string> => {
  const message = describeError(error);
  if (selfExplanatory.includes(step)) return message;
  const { url, number, failures } = circumstances;
  const reported = failures.map(({ part, detail }) => `${part}: ${detail}`).join('; ');
  return [
    message.endsWith('.') ? message : `${message}.`,
    reported === '' ? '' : `The call's record reports: ${reported}.`,
    describeHealth(url, await fetchHealth(url)),
    advice[step](error, circumstances),
    `Next: npm run cli -- check:inbound ${number ?? ''}`.trimEnd(),
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
};
