/** The system messages of a campaign: its own, else our defaults. */
import { defaultSystemMessages, type CampaignSettings } from './campaign.ts';
import { problemsOf } from './prompt.ts';

export type SystemMessageName = keyof typeof defaultSystemMessages;

/** The setting of each message that a campaign can change. */
const settingOf = {
  greeting: 'greeting',
  silence: 'silenceSentence',
  goodbye: 'goodbyeSentence',
  timeLimit: 'timeLimitSentence',
  full: 'fullSentence',
  disclosure: 'disclosureSentence',
  farewell: 'farewellSentence',
  transfer: 'transferSentence',
} as const satisfies Partial<Record<SystemMessageName, keyof CampaignSettings>>;

/** The template of each message, and the problems of those of the campaign that can't be spoken and were replaced with our defaults. */
export const systemMessagesOf = (
  settings: CampaignSettings,
): Readonly<{ templates: Record<SystemMessageName, string>; problems: string[] }> => {
  const templates: Record<SystemMessageName, string> = { ...defaultSystemMessages };
  const problems: string[] = [];
  for (const [name, field] of Object.entries(settingOf) as [
    keyof typeof settingOf,
    (typeof settingOf)[keyof typeof settingOf],
  ][]) {
    const own = settings[field];
    if (own === null || own.trim() === '') continue;
    const ownProblems = problemsOf(own).map((problem) => `${field}: ${problem}`);
    problems.push(...ownProblems);
    if (ownProblems.length === 0) templates[name] = own;
  }
  return { templates, problems };
};
