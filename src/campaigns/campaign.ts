/**
 * A campaign: how its calls are held.
 *
 * Glossary
 *   settings   the conversation of a campaign as an operator set it; null means our standard
 *   sentence   what the agent says without asking a model
 *   draft      the settings that an operator edits; calls run with those that are published
 *   version    settings as they were once published, numbered; a call's record names its own
 */
import { z } from 'zod';
import { name, text } from '../database/storable-text.ts';
import type { Voice } from '../protocol/job.ts';
import { problemsOf } from './prompt.ts';

export const defaultGreeting = 'Hello! This is your AI assistant. How can I help you?';

/** A person whom the agent may connect the caller with. */
export const transferDestination = z.object({
  name: name(100).describe('As the agent and the API name it.'),
  number: z.string().regex(/^\+[1-9]\d{5,14}$/, 'must be a number in E.164, such as +15551234567'),
});
export type TransferDestination = Readonly<z.infer<typeof transferDestination>>;

const sentence = text(1000).nullable();
const label = name(100).nullable();
const ms = (min: number, max: number) => z.int().min(min).max(max);

/** What an operator can set, and within which limits. Times in ms. */
export const conversation = z.object({
  prompt: text(20_000).describe('What the agent is to do. May name variables: {{caller.number}}.'),
  firstSpeaker: z.enum(['agent', 'caller']),
  greeting: sentence.describe('Null: the standard greeting. May name variables.'),
  language: z.string().regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$/, 'must be a language such as en or de-CH'),
  voiceProvider: z.enum(['openai', 'deepgram']),
  voice: label,
  voiceModel: label,
  speakingRate: z
    .number()
    .min(0.5)
    .max(2)
    .describe(
      "How fast the agent speaks: 1 is the voice's own speed, 2 twice as fast. Deepgram: aura-2 voices, 0.7 to 1.5.",
    ),
  llmModel: label,
  secondLlmModel: label.describe(
    'Asked where the first one fails or takes its time. Null: the first one is asked again.',
  ),
  temperature: z.number().min(0).max(2).nullable(),
  sttModel: label,
  vad: z.enum(['bundled', 'silero']),
  turnPatience: z
    .number()
    .min(0.5)
    .max(2.5)
    .describe(
      "How long the agent waits before it takes the caller's turn for over: 1 is standard, 2 twice as patient.",
    ),
  greetingProtectedMs: ms(0, 10_000).describe(
    'For so long the caller cannot interrupt the greeting; what they say meanwhile is answered after it.',
  ),
  silenceAskMs: ms(1000, 600_000).describe('Asks whether somebody is there, each time after so long a silence …'),
  silenceGoodbyeMs: ms(1000, 3_600_000).describe('… until goodbye.'),
  silenceHoldMs: ms(1000, 3_600_000).describe('What "one moment" grants instead.'),
  maxCallMs: ms(10_000, 14_400_000),
  silenceSentence: sentence,
  goodbyeSentence: sentence,
  timeLimitSentence: sentence,
  fullSentence: sentence.describe(
    'Heard when max_concurrent calls are open, or the tenant or the machine has no room for another.',
  ),
  disclosureSentence: sentence.describe('Said before the greeting, such as that the call is held by a machine.'),
  farewellSentence: sentence.describe('Said when the conversation cannot go on and nobody takes the call over.'),
  transferSentence: sentence.describe('Said before the caller is connected with a person.'),
  transferDestinations: z
    .array(transferDestination)
    .max(20)
    .describe('With whom the agent and the API may connect the caller; with nobody else.'),
  fallbackTransferTo: label.describe(
    'The destination that takes the caller when the conversation cannot go on. Null: a message, then the end.',
  ),
});
export type Conversation = Readonly<z.infer<typeof conversation>>;

/** The conversation of a campaign. Times in ms. */
export type CampaignSettings = Conversation & Readonly<{ name: string }>;

/** How a call is held whose number has no campaign; what a campaign leaves open. */
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
  /** The model takes its time. Without a comma: it is one piece, and prepared. */
  hold: 'Just a moment.',
  goodbye: 'Thank you for calling. Goodbye!',
  timeLimit:
    "I'm sorry, but we have reached the time limit of this call. Please call again if you need anything else. Goodbye!",
  full: "I'm sorry, all our lines are busy right now. Please call again in a few minutes. Goodbye!",
  /** An answer failed; the call goes on. */
  apology: "I'm sorry, I didn't manage to answer that. Could you say it again, please?",
  /** Answers fail again and again. */
  farewell: "I'm sorry, I'm having technical difficulties and have to end this call. Please call again later. Goodbye.",
  transfer: 'One moment, please. I am connecting you.',
  /** Nobody took the call; the conversation goes on. */
  transferFailed: "I'm sorry, I couldn't reach anybody. How else can I help you?",
  disclosure: '',
  /** Another call process took the call over. */
  afterBreak: 'Sorry, we were cut off for a moment. Please go on.',
} as const;

export const defaultModels = {
  llm: 'gpt-4.1-mini',
  stt: 'nova-3',
  voice: {
    openai: { model: 'gpt-4o-mini-tts', voice: 'alloy' },
    deepgram: { model: 'aura-2-andromeda-en', voice: 'aura-2-andromeda-en' },
  },
} as const;

type VoiceSettings = Pick<CampaignSettings, 'voiceProvider' | 'voiceModel' | 'voice' | 'speakingRate'>;

export const voiceOf = (settings: VoiceSettings): Voice => {
  const { voiceProvider: provider, voiceModel, voice, speakingRate: rate } = settings;
  const defaults = defaultModels.voice[provider];
  if (provider === 'openai')
    return { provider, model: voiceModel ?? defaults.model, voice: voice ?? defaults.voice, rate };
  // Deepgram's models are its voices, whichever of the two names one (https://developers.deepgram.com/docs/tts-models).
  const model = [voice, voiceModel].find((name) => name?.startsWith('aura') === true) ?? voiceModel ?? defaults.model;
  return { provider, model, voice: model, rate };
};

/** Settings as they were stored; what they don't have yet is our standard. Null: they can't be read. */
export const readSettings = (stored: unknown): CampaignSettings | null => {
  const parsed = conversation.extend({ name: z.string() }).safeParse({ ...defaultSettings, ...objectOf(stored) });
  return parsed.success ? parsed.data : null;
};

/** The settings of a draft: what is published, with what was changed since. */
export const draftOf = (published: Conversation, stored: unknown): Conversation => {
  const draft = conversation.safeParse({ ...published, ...objectOf(stored) });
  return draft.success ? draft.data : published;
};

const objectOf = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});

/** What keeps settings from being published, a sentence each. */
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
    ...(prompt.trim() === '' ? ['prompt: is empty.'] : []),
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
    ...(new Set(names).size < names.length ? ['transfer_destinations: two have the same name.'] : []),
    ...(fallbackTransferTo === null || findDestination({ transferDestinations }, fallbackTransferTo) !== null
      ? []
      : [`fallback_transfer_to: there is no transfer destination called ${fallbackTransferTo}.`]),
  ];
};

/** The listed destination of this name, in whatever case it is written; null: there is none. */
export const findDestination = (
  { transferDestinations }: Pick<Conversation, 'transferDestinations'>,
  wanted: string,
): TransferDestination | null =>
  transferDestinations.find(({ name: one }) => one.toLowerCase() === wanted.trim().toLowerCase()) ?? null;

/** Destinations as they were stored; what can't be read is none. */
export const readDestinations = (stored: unknown): TransferDestination[] => {
  const parsed = z.array(transferDestination).safeParse(stored);
  return parsed.success ? parsed.data : [];
};

/** Deepgram's limits: https://developers.deepgram.com/docs/tts-voice-controls */
const problemsOfRate = ({ provider, model, rate }: Voice): string[] => {
  if (provider === 'openai' || rate === 1) return [];
  if (!model.startsWith('aura-2'))
    return [`speaking_rate: the voice ${model} speaks at 1 only; a voice of aura-2 can be faster or slower.`];
  return rate < 0.7 || rate > 1.5 ? ['speaking_rate: must be between 0.7 and 1.5 with a voice of Deepgram.'] : [];
};

/** As people of the API know it. */
const snakeName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export const campaignStatuses = ['draft', 'active', 'paused', 'archived'] as const;
export type CampaignStatus = (typeof campaignStatuses)[number];

/** Why a campaign's status can't be changed so by hand; null: it can. Publishing is what makes a draft active. */
export const statusProblem = (from: CampaignStatus, to: CampaignStatus): string | null => {
  if (from === to || to === 'archived') return null;
  if (to === 'draft') return 'A campaign that was published is paused, not a draft.';
  if (from === 'draft') return 'The campaign is a draft: publish it.';
  return from === 'archived' && to === 'active' ? 'The campaign is archived: make it paused, look, then active.' : null;
};
