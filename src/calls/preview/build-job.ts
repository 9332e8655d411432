/** Builds the job of a call from its campaign's settings. Pure, so that what a caller will hear can be shown beforehand. */
import { defaultModels, defaultSettings, voiceOf, type CampaignSettings } from '../../campaigns/campaign.ts';
import { problemsOf, render, type Variable } from '../../campaigns/prompt.ts';
import { systemMessagesOf, type SystemMessageName } from '../../campaigns/system-messages.ts';
import { isAnonymous } from '../../numbers/number.ts';
import type { Call } from '../call.ts';
import type { CallJob } from '../../protocol/job.ts';

/** LiveKit sends `active` within about 1.2 s of our voice being published; after this long we greet all the same. */
const activeTimeoutMs = 4_000;

export type JobParts = Readonly<{
  call: Pick<Call, 'id' | 'roomName' | 'phoneNumber' | 'dialedNumber'>;
  attempt: number;
  callerIdentity: string;
  agentName: string;
  purpose: CallJob['purpose'];
  settings: CampaignSettings | null;
  leadName: string | null;
  tenantName: string;
  now: Date;
  turns: readonly Readonly<{ seq: number; role: 'agent' | 'caller' | 'tool'; text: string }>[];
}>;

/** A job without its cached speech, which settings alone don't tell. */
type PlainJob = Omit<CallJob, 'cachedSpeech'>;

/** The job, and a sentence for each text of the campaign that can't be rendered and was replaced by the default. */
export const buildJob = (parts: JobParts): { job: PlainJob; problems: string[] } => {
  const settings = parts.settings ?? defaultSettings;
  const values = valuesOf(parts, settings);
  const wrongPrompt = problemsOf(settings.prompt).map((problem) => `prompt: ${problem}`);
  const isOwnPrompt = wrongPrompt.length === 0 && settings.prompt.trim() !== '';
  const { templates, problems } = systemMessagesOf(settings);
  const say = (name: keyof typeof templates): string => render(templates[name], values);
  const job: PlainJob = {
    ...identityOf(parts),
    ...modelsOf(settings),
    instructions: render(isOwnPrompt ? settings.prompt : defaultSettings.prompt, values),
    greeting: say('greeting'),
    firstSpeaker: settings.firstSpeaker,
    language: settings.language,
    vad: settings.vad,
    endpointingFactor: settings.turnPatience,
    greetingGuardMs: settings.greetingProtectedMs,
    limits: {
      noInputPromptMs: settings.silenceAskMs,
      noInputGoodbyeMs: settings.silenceGoodbyeMs,
      waitRequestMs: settings.silenceHoldMs,
      maxCallMs: settings.maxCallMs,
      activeTimeoutMs,
    },
    destinations: settings.transferDestinations.map((destination) => destination.name),
    fallback: settings.fallbackTransferTo,
    systemMessages: sayAll(say),
  };
  return { job, problems: [...wrongPrompt, ...problems] };
};

/** The job of an imagined call: what a caller would be told, for showing it, or for warming up with it. */
export const buildSampleJob = ({
  caller,
  dialedNumber = caller,
  ...parts
}: Pick<JobParts, 'settings' | 'now'> &
  Partial<Pick<JobParts, 'agentName' | 'leadName' | 'tenantName'>> &
  Readonly<{ caller: string; dialedNumber?: string }>): ReturnType<typeof buildJob> =>
  buildJob({
    call: { id: 'sample', roomName: 'sample', phoneNumber: caller, dialedNumber },
    attempt: 1,
    callerIdentity: 'sample',
    agentName: 'sample',
    purpose: 'converse',
    leadName: null,
    tenantName: '',
    turns: [],
    ...parts,
  });

const sayAll = (say: (name: SystemMessageName) => string): PlainJob['systemMessages'] => ({
  disclosure: say('disclosure'),
  noInput: say('silence'),
  filler: say('hold'),
  goodbye: say('goodbye'),
  timeLimit: say('timeLimit'),
  announcement: say('full'),
  apology: say('apology'),
  farewell: say('farewell'),
  transfer: say('transfer'),
  transferFailed: say('transferFailed'),
  afterRecovery: say('afterBreak'),
});

const identityOf = ({ call, attempt, purpose, agentName, callerIdentity, leadName, turns }: JobParts) => ({
  callId: call.id,
  attempt,
  purpose,
  room: call.roomName,
  agentName,
  caller: {
    identity: callerIdentity,
    number: isAnonymous(call.phoneNumber) ? null : call.phoneNumber,
    name: leadName,
  },
  history: turns.flatMap(({ role, text }) => (role === 'tool' ? [] : [{ role, text }])),
  firstTurnSeq: Math.max(0, ...turns.map(({ seq }) => seq + 1)),
});

const modelsOf = (settings: CampaignSettings) => ({
  stt: { model: settings.sttModel ?? defaultModels.stt },
  llm: {
    model: settings.llmModel ?? defaultModels.llm,
    secondModel: settings.secondLlmModel,
    temperature: settings.temperature,
  },
  tts: voiceOf(settings),
});

const valuesOf = (parts: JobParts, settings: CampaignSettings): Record<Variable, string> => ({
  'caller.number': isAnonymous(parts.call.phoneNumber) ? 'withheld' : parts.call.phoneNumber,
  // A lead without a name of its own is named after its number, which is no way to address a person.
  'lead.name': parts.leadName ?? 'caller',
  'campaign.name': settings.name,
  'tenant.name': parts.tenantName,
  'number.dialed': parts.call.dialedNumber,
  now: parts.now.toUTCString(),
});
