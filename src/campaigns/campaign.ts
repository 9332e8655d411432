/**
 * A campaign: how its calls are held.
 *
 * Glossary
 *   settings   the conversation of a campaign as an operator set it; null means our standard
 *   sentence   what the agent says without asking a model
 */

export const standardGreeting = 'Hello! This is your AI assistant. How can I help you?';

/** The conversation of a campaign. Times in ms. */
export type CampaignSettings = Readonly<{
  name: string;
  prompt: string;
  firstSpeaker: 'agent' | 'caller';
  greeting: string | null;
  language: string;
  voiceProvider: 'openai' | 'deepgram';
  voice: string | null;
  voiceModel: string | null;
  llmModel: string | null;
  temperature: number | null;
  sttModel: string | null;
  vad: 'bundled' | 'silero';
  silenceAskMs: number;
  silenceGoodbyeMs: number;
  silenceHoldMs: number;
  maxCallMs: number;
  silenceSentence: string | null;
  goodbyeSentence: string | null;
  timeLimitSentence: string | null;
  fullSentence: string | null;
}>;

/** How a call is held whose number has no campaign; what a campaign leaves open. */
export const standardSettings: CampaignSettings = {
  name: '',
  prompt: 'You are a friendly assistant who answers the telephone. Find out what the caller needs and help.',
  firstSpeaker: 'agent',
  greeting: null,
  language: 'en',
  voiceProvider: 'openai',
  voice: null,
  voiceModel: null,
  llmModel: null,
  temperature: null,
  sttModel: null,
  vad: 'bundled',
  silenceAskMs: 10_000,
  silenceGoodbyeMs: 30_000,
  silenceHoldMs: 60_000,
  maxCallMs: 1_800_000,
  silenceSentence: null,
  goodbyeSentence: null,
  timeLimitSentence: null,
  fullSentence: null,
};

export const standardSentences = {
  greeting: standardGreeting,
  silence: 'Are you still there?',
  goodbye: 'Thank you for calling. Goodbye!',
  timeLimit:
    "I'm sorry, but we have reached the time limit of this call. Please call again if you need anything else. Goodbye!",
  full: "I'm sorry, all our lines are busy right now. Please call again in a few minutes. Goodbye!",
} as const;

export const standardModels = {
  llm: 'gpt-4.1-mini',
  stt: 'nova-3',
  voice: {
    openai: { model: 'gpt-4o-mini-tts', voice: 'alloy' },
    deepgram: { model: 'aura-2-andromeda-en', voice: 'aura-2-andromeda-en' },
  },
} as const;
