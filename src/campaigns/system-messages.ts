/** What the agent of a campaign says without asking a model: the campaign's own words, else our standard ones. */
import { defaultSystemMessages, type CampaignSettings } from './campaign.ts';
import { problemsOf } from './prompt.ts';

export type SystemMessageName = keyof typeof defaultSystemMessages;

/** Where an operator writes a sentence; those left out are ours alone. */
const fields = {
  greeting: 'greeting',
  silence: 'silenceSentence',
  goodbye: 'goodbyeSentence',
  timeLimit: 'timeLimitSentence',
  full: 'fullSentence',
  disclosure: 'disclosureSentence',
  farewell: 'farewellSentence',
  transfer: 'transferSentence',
} as const satisfies Partial<Record<SystemMessageName, keyof CampaignSettings>>;

/** The template of each sentence, and a sentence for each template of the campaign that can't be spoken: it is our standard here. */
export const systemMessagesOf = (
  settings: CampaignSettings,
): Readonly<{ templates: Record<SystemMessageName, string>; problems: string[] }> => {
  const templates: Record<SystemMessageName, string> = { ...defaultSystemMessages };
  const problems: string[] = [];
  for (const [name, field] of Object.entries(fields) as [keyof typeof fields, (typeof fields)[keyof typeof fields]][]) {
    const own = settings[field];
    if (own === null || own.trim() === '') continue;
    const wrong = problemsOf(own).map((problem) => `${field}: ${problem}`);
    problems.push(...wrong);
    if (wrong.length === 0) templates[name] = own;
  }
  return { templates, problems };
};
