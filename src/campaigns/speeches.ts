/**
 * Speech that is made before the phone rings: what the agent says without asking a model, in the voice of its campaign.
 *
 * Glossary
 *   known      what a text may name that does not depend on the single call
 */
import { leadInPhrasesOf } from '../protocol/lead-in-phrases.ts';
import type { Speech } from '../protocol/speech-request.ts';
import { voiceOf, type CampaignSettings } from './campaign.ts';
import { namesOnly, render, type Variable } from './prompt.ts';
import { systemMessagesOf } from './system-messages.ts';

/** `numbers`: those that are answered with these settings. */
export type Known = Readonly<{ tenantName: string; numbers: readonly string[] }>;

const knownVariables: readonly Variable[] = ['campaign.name', 'tenant.name', 'number.dialled'];

/** All that can be prepared for calls held with these settings. Texts that name a caller, a lead or the time can't. */
export const speechesOf = (settings: CampaignSettings, known: Known): Speech[] => {
  const voice = voiceOf(settings);
  const { greeting, ...others } = systemMessagesOf(settings).templates;
  const templates = [...(settings.firstSpeaker === 'agent' ? [greeting] : []), ...Object.values(others)];
  const texts = templates
    .filter((template) => namesOnly(template, knownVariables))
    .flatMap((template) => textsOf(template, settings.name, known));
  return [...new Set(texts.filter((text) => text.trim() !== ''))].map((text) => ({ voice, text }));
};

/** The openers of calls held with these settings. */
export const leadInSpeechesOf = (settings: CampaignSettings): Speech[] => {
  const voice = voiceOf(settings);
  return leadInPhrasesOf(settings.language).map((text) => ({ voice, text }));
};

const textsOf = (template: string, campaignName: string, { tenantName, numbers }: Known): string[] => {
  const dialled = namesOnly(template, ['campaign.name', 'tenant.name']) ? [''] : numbers;
  return dialled.map((number) =>
    render(template, {
      'campaign.name': campaignName,
      'tenant.name': tenantName,
      'number.dialled': number,
      'caller.number': '',
      'lead.name': '',
      now: '',
    }),
  );
};

const firstRetryMs = 30_000;
const lastRetryMs = 3_600_000;

/** How long to wait after so many failures in a row before the provider is asked again for a speech. */
export const retryAfterMs = (failures: number): number => Math.min(firstRetryMs * 2 ** (failures - 1), lastRetryMs);
