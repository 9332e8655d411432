/** The speech that can be synthesized before the phone rings: system messages and lead-in phrases in the voice of their campaign. */
import { leadInPhrasesOf } from '../protocol/lead-in-phrases.ts';
import type { Speech } from '../protocol/speech-request.ts';
import { voiceOf, type CampaignSettings } from './campaign.ts';
import { hasOnly, render, type Variable } from './prompt.ts';
import { systemMessagesOf } from './system-messages.ts';

/** The values of variables that don't depend on a call. `numbers`: those that are answered with these settings. */
type KnownValues = Readonly<{ tenantName: string; numbers: readonly string[] }>;

const knownVariables: readonly Variable[] = ['campaign.name', 'tenant.name', 'number.dialed'];

/** The system messages that can be prepared. Those that mention the caller, the lead or the time can't. */
export const speechesOf = (settings: CampaignSettings, known: KnownValues): Speech[] => {
  const voice = voiceOf(settings);
  const { greeting, ...others } = systemMessagesOf(settings).templates;
  const templates = [...(settings.firstSpeaker === 'agent' ? [greeting] : []), ...Object.values(others)];
  const texts = templates
    .filter((template) => hasOnly(template, knownVariables))
    .flatMap((template) => textsOf(template, settings.name, known));
  return [...new Set(texts.filter((text) => text.trim() !== ''))].map((text) => ({ voice, text }));
};

/** The lead-in phrases of calls with these settings. */
export const leadInSpeechesOf = (settings: CampaignSettings): Speech[] => {
  const voice = voiceOf(settings);
  return leadInPhrasesOf(settings.language).map((text) => ({ voice, text }));
};

const textsOf = (template: string, campaignName: string, { tenantName, numbers }: KnownValues): string[] => {
  const dialed = hasOnly(template, ['campaign.name', 'tenant.name']) ? [''] : numbers;
  return dialed.map((number) =>
    render(template, {
      'campaign.name': campaignName,
      'tenant.name': tenantName,
      'number.dialed': number,
      'caller.number': '',
      'lead.name': '',
      now: '',
    }),
  );
};

const firstRetryMs = 30_000;
const lastRetryMs = 3_600_000;

/** How long to wait after this many consecutive failures before a speech is requested again. */
export const retryAfterMs = (failures: number): number => Math.min(firstRetryMs * 2 ** (failures - 1), lastRetryMs);
