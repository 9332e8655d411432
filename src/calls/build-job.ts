/** Makes the job of a call process from a campaign's settings: pure, so that what a caller will hear can be shown beforehand. */
import { standardModels, standardSentences, standardSettings, type CampaignSettings } from '../campaigns/campaign.ts';
import { problemsOf, render, type Variable } from '../campaigns/prompt.ts';
import { isAnonymous } from '../numbers/number.ts';
import type { Call } from './call.ts';
import type { CallJob } from './job.ts';

/** LiveKit sends `active` within some 1.2 s of our voice being there; after this long we greet all the same. */
const activeTimeoutMs = 4_000;

export type JobParts = Readonly<{
  call: Pick<Call, 'id' | 'roomName' | 'phoneNumber' | 'dialledNumber'>;
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

/** The job, and a sentence for each text of the campaign that can't be spoken and was replaced by our standard. */
export const buildJob = (parts: JobParts): { job: CallJob; problems: string[] } => {
  const settings = parts.settings ?? standardSettings;
  const values = valuesOf(parts, settings);
  const problems: string[] = [];
  const say = (name: string, text: string | null, standard: string): string => {
    const template = text === null || text.trim() === '' ? standard : text;
    const wrong = problemsOf(template);
    problems.push(...wrong.map((problem) => `${name}: ${problem}`));
    return render(wrong.length === 0 ? template : standard, values);
  };
  const job: CallJob = {
    ...identityOf(parts),
    ...voicesOf(settings),
    instructions: say('prompt', settings.prompt, standardSettings.prompt),
    greeting: say('greeting', settings.greeting, standardSentences.greeting),
    firstSpeaker: settings.firstSpeaker,
    language: settings.language,
    vad: settings.vad,
    limits: {
      silenceAskMs: settings.silenceAskMs,
      silenceGoodbyeMs: settings.silenceGoodbyeMs,
      silenceHoldMs: settings.silenceHoldMs,
      maxCallMs: settings.maxCallMs,
      activeTimeoutMs,
    },
    sentences: {
      silence: say('silenceSentence', settings.silenceSentence, standardSentences.silence),
      goodbye: say('goodbyeSentence', settings.goodbyeSentence, standardSentences.goodbye),
      timeLimit: say('timeLimitSentence', settings.timeLimitSentence, standardSentences.timeLimit),
      announcement: say('fullSentence', settings.fullSentence, standardSentences.full),
    },
  };
  return { job, problems };
};

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

const voicesOf = (settings: CampaignSettings) => {
  const standard = standardModels.voice[settings.voiceProvider];
  return {
    stt: { model: settings.sttModel ?? standardModels.stt },
    llm: { model: settings.llmModel ?? standardModels.llm, temperature: settings.temperature },
    tts: {
      provider: settings.voiceProvider,
      model: settings.voiceModel ?? standard.model,
      voice: settings.voice ?? standard.voice,
    },
  };
};

const valuesOf = (parts: JobParts, settings: CampaignSettings): Record<Variable, string> => ({
  'caller.number': isAnonymous(parts.call.phoneNumber) ? 'withheld' : parts.call.phoneNumber,
  // A lead that nobody has named yet is called after its number: not how one addresses a person.
  'lead.name': parts.leadName ?? 'caller',
  'campaign.name': settings.name,
  'tenant.name': parts.tenantName,
  'number.dialled': parts.call.dialledNumber,
  now: parts.now.toUTCString(),
});
