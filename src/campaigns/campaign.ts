/**
 * A campaign: how an agent conducts its calls.
 *
 * Glossary
 *   conversation     what an operator can set, with its limits; null means our default
 *   settings         a conversation with the name of its campaign
 *   system message   a fixed text that the agent says without asking the model
 *   draft            the settings that an operator edits; calls run with the published ones
 *   version          the settings of one publication, numbered; each call records the version that it ran with
 */
import { z } from 'zod';
import { name, text } from '../database/storable-text.ts';
import type { Voice } from '../protocol/job.ts';
import { problemsOf, variableList } from './prompt.ts';

export const defaultGreeting = 'Hello! This is your AI assistant. How can I help you?';

export const defaultModels = {
  llm: 'gpt-4.1-mini',
  stt: 'nova-3',
  voice: {
    openai: { model: 'gpt-4o-mini-tts', voice: 'alloy' },
    deepgram: { model: 'aura-2-andromeda-en', voice: 'aura-2-andromeda-en' },
  },
} as const;

/** A person to whom the agent may transfer the caller. */
const transferDestination = z.object({
  name: name(100).describe('The name by which the agent and the API refer to it.'),
  number: z.string().regex(/^\+[1-9]\d{5,14}$/, 'must be in E.164, such as +15551234567'),
});
export type TransferDestination = Readonly<z.infer<typeof transferDestination>>;

const sentence = text(1000).nullable();
const label = name(100).nullable();
const ms = (min: number, max: number) => z.int().min(min).max(max);

/** What an operator can set, and its limits. */
export const conversation = z.object({
  prompt: text(20_000).describe(`The instructions of the agent. Variables: ${variableList}.`),
  firstSpeaker: z.enum(['agent', 'caller']).describe('caller: the agent waits and does not greet.'),
  greeting: sentence.describe('Null: the default greeting. May contain variables, as may all sentences.'),
  language: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$/, 'must be a language such as en or de-CH')
    .describe(
      'The language of speech recognition, of the instructions to the model and of lead-in phrases, such as en or de-CH. The words ' +
        "that decide when the caller's turn is over are English only today: in other languages, only question marks, full stops, " +
        'digits and commas count. Default system messages are English.',
    ),
  voiceProvider: z.enum(['openai', 'deepgram']).describe('Who synthesizes the speech.'),
  voice: label.describe("The provider's name of the voice. Null: a default."),
  voiceModel: label.describe("OpenAI's speech model, or Deepgram's voice. Null: a default."),
  speakingRate: z
    .number()
    .min(0.5)
    .max(2)
    .describe(
      "The speed of the agent's speech: 1 is the voice's own, 2 is twice as fast. Deepgram: aura-2 voices only, 0.7 to 1.5.",
    ),
  llmModel: label.describe(`The model that replies to the caller. Null: ${defaultModels.llm}.`),
  secondLlmModel: label.describe('The model to try when llm_model fails or is slow. Null: llm_model is tried again.'),
  temperature: z.number().min(0).max(2).nullable().describe("Null: the model's own default."),
  sttModel: label.describe(`Deepgram's model for speech recognition. Null: ${defaultModels.stt}.`),
  vad: z
    .enum(['bundled', 'silero'])
    .describe('Voice activity detection: the one bundled with LiveKit Agents, or Silero.'),
  turnPatience: z
    .number()
    .min(0.5)
    .max(2.5)
    .describe(
      "Scales how long the agent waits before it considers the caller's turn over: 1 is the default, 2 waits twice as long.",
    ),
  greetingProtectedMs: ms(0, 10_000).describe(
    'Milliseconds at the start of the greeting during which the caller cannot interrupt it. What they say is answered after it.',
  ),
  silenceAskMs: ms(1000, 600_000).describe(
    'Milliseconds of silence after which the agent asks whether the caller is still there; repeated until silence_goodbye_ms.',
  ),
  silenceGoodbyeMs: ms(1000, 3_600_000).describe(
    'Milliseconds of silence after which the agent says goodbye and ends the call.',
  ),
  silenceHoldMs: ms(1000, 3_600_000).describe('Replaces silence_ask_ms while the caller has asked the agent to wait.'),
  maxCallMs: ms(10_000, 14_400_000).describe('The longest a call may last, in milliseconds.'),
  silenceSentence: sentence.describe('Said after silence_ask_ms. Null, here and below: a default.'),
  goodbyeSentence: sentence.describe('Said after silence_goodbye_ms.'),
  timeLimitSentence: sentence.describe('Said at max_call_ms, before the call ends.'),
  fullSentence: sentence.describe(
    'Said before a call is ended because the campaign, the tenant or the service is at capacity.',
  ),
  disclosureSentence: sentence.describe(
    'Said before the greeting, for example that the caller is talking to an AI. Null: nothing.',
  ),
  farewellSentence: sentence.describe('Said when the conversation cannot continue and nobody takes over the call.'),
  transferSentence: sentence.describe('Said before the caller is transferred.'),
  transferDestinations: z
    .array(transferDestination)
    .max(20)
    .describe('The only destinations to which the agent and the API may transfer the caller.'),
  fallbackTransferTo: label.describe(
    'The name of the destination that takes over when the conversation cannot continue. Null: farewell_sentence, then the call ends.',
  ),
});
export type Conversation = Readonly<z.infer<typeof conversation>>;

export type CampaignSettings = Conversation & Readonly<{ name: string }>;

/** The settings of calls without a campaign, and of what a campaign leaves open. */
export const defaultSettings: CampaignSettings = {
  name: '',
  prompt: 'You are a friendly assistant who answers the telephone. Find out what the caller needs and help.',
  firstSpeaker: 'agent',
  greeting: null,
  language: 'en',
  voiceProvider: 'openai',
  voice: null,
  voiceModel: null,
  speakingRate: 1,
  llmModel: null,
  secondLlmModel: null,
  temperature: null,
  sttModel: null,
  vad: 'bundled',
  turnPatience: 1,
  greetingProtectedMs: 0,
  silenceAskMs: 10_000,
  silenceGoodbyeMs: 30_000,
  silenceHoldMs: 60_000,
  maxCallMs: 1_800_000,
  silenceSentence: null,
  goodbyeSentence: null,
  timeLimitSentence: null,
  fullSentence: null,
  disclosureSentence: null,
  farewellSentence: null,
  transferSentence: null,
  transferDestinations: [],
  fallbackTransferTo: null,
};

export const defaultSystemMessages = {
  greeting: defaultGreeting,
  silence: 'Are you still there?',
  /** The model is slow. Without a comma, so that it is synthesized as one piece ahead of time. */
  hold: 'Just a moment.',
  goodbye: 'Thank you for calling. Goodbye!',
  timeLimit:
    "I'm sorry, but we have reached the time limit of this call. Please call again if you need anything else. Goodbye!",
  full: "I'm sorry, all our lines are busy right now. Please call again in a few minutes. Goodbye!",
  /** A reply failed; the call continues. */
  apology: "I'm sorry, I didn't manage to answer that. Could you say it again, please?",
  /** Replies keep failing. */
  farewell: "I'm sorry, I'm having technical difficulties and have to end this call. Please call again later. Goodbye.",
  transfer: 'One moment, please. I am connecting you.',
  /** Nobody answered the transfer; the conversation continues. */
  transferFailed: "I'm sorry, I couldn't reach anybody. How else can I help you?",
  disclosure: '',
  /** Another call process has taken over the call. */
  afterBreak: 'Sorry, we were cut off for a moment. Please go on.',
} as const;

type VoiceSettings = Pick<CampaignSettings, 'voiceProvider' | 'voiceModel' | 'voice' | 'speakingRate'>;

export const voiceOf = (settings: VoiceSettings): Voice => {
  const { voiceProvider: provider, voiceModel, voice, speakingRate: rate } = settings;
  const defaults = defaultModels.voice[provider];
  if (provider === 'openai')
    return { provider, model: voiceModel ?? defaults.model, voice: voice ?? defaults.voice, rate };
  // Deepgram's models are its voices, so either setting may name one: https://developers.deepgram.com/docs/tts-models
  const model = [voice, voiceModel].find((name) => name?.startsWith('aura') === true) ?? voiceModel ?? defaults.model;
  return { provider, model, voice: model, rate };
};

/** Stored settings, completed with defaults. Null: they can't be read. */
export const readSettings = (stored: unknown): CampaignSettings | null => {
  const parsed = conversation.extend({ name: z.string() }).safeParse({ ...defaultSettings, ...objectOf(stored) });
  return parsed.success ? parsed.data : null;
};

/** The conversation of a draft: the published one with the stored changes. */
export const draftOf = (published: Conversation, stored: unknown): Conversation => {
  const draft = conversation.safeParse({ ...published, ...objectOf(stored) });
  return draft.success ? draft.data : published;
};

const objectOf = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});

/** What prevents settings from being published, a sentence each. */
export const problemsOfSettings = (settings: Conversation): string[] => {
  const { prompt, greeting, silenceSentence, goodbyeSentence, timeLimitSentence, fullSentence } = settings;
  const { disclosureSentence, farewellSentence, transferSentence } = settings;
  const texts = {
    ...{ prompt, greeting, silenceSentence, goodbyeSentence, timeLimitSentence, fullSentence },
    ...{ disclosureSentence, farewellSentence, transferSentence },
  };
  return [
    ...Object.entries(texts).flatMap(([name, template]) =>
      template === null ? [] : problemsOf(template).map((problem) => `${snakeName(name)}: ${problem}`),
    ),
    ...(prompt.trim() === '' ? ['prompt: must not be empty.'] : []),
    ...(settings.silenceGoodbyeMs <= settings.silenceAskMs
      ? ['silence_goodbye_ms: must be longer than silence_ask_ms.']
      : []),
    ...problemsOfRate(voiceOf(settings)),
    ...problemsOfTransfers(settings),
  ];
};

const problemsOfTransfers = ({ transferDestinations, fallbackTransferTo }: Conversation): string[] => {
  const names = transferDestinations.map((destination) => destination.name.toLowerCase());
  return [
    ...(new Set(names).size < names.length ? ['transfer_destinations: names must be unique.'] : []),
    ...(fallbackTransferTo === null || findDestination({ transferDestinations }, fallbackTransferTo) !== null
      ? []
      : [`fallback_transfer_to: no transfer destination is named ${fallbackTransferTo}.`]),
  ];
};

/** The destination of this name, ignoring case; null: there is none. */
export const findDestination = (
  { transferDestinations }: Pick<Conversation, 'transferDestinations'>,
  wantedName: string,
): TransferDestination | null =>
  transferDestinations.find(({ name: one }) => one.toLowerCase() === wantedName.trim().toLowerCase()) ?? null;

/** Stored destinations; none if they can't be read. */
export const readDestinations = (stored: unknown): TransferDestination[] => {
  const parsed = z.array(transferDestination).safeParse(stored);
  return parsed.success ? parsed.data : [];
};

/** Deepgram's limits: https://developers.deepgram.com/docs/tts-voice-controls */
const problemsOfRate = ({ provider, model, rate }: Voice): string[] => {
  if (provider === 'openai' || rate === 1) return [];
  if (!model.startsWith('aura-2'))
    return [`speaking_rate: must be 1 with the voice ${model}; only aura-2 voices support other rates.`];
  return rate < 0.7 || rate > 1.5 ? ['speaking_rate: must be between 0.7 and 1.5 with Deepgram voices.'] : [];
};

/** The name of a setting in the API. */
const snakeName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export const campaignStatuses = ['draft', 'active', 'paused', 'archived'] as const;
export type CampaignStatus = (typeof campaignStatuses)[number];

/** Why a client can't change a campaign's status; null: it can. */
export const statusProblem = (from: CampaignStatus, to: CampaignStatus): string | null => {
  if (from === to || to === 'archived') return null;
  if (to === 'draft') return 'A published campaign cannot become a draft again. Pause it instead.';
  if (from === 'draft') return 'The campaign is a draft. Publish it to make it active.';
  return from === 'archived' && to === 'active' ? 'The campaign is archived. Set it to paused first.' : null;
};
