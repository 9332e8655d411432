/**
 * Speech that is made before the phone rings: what the agent says without asking a model, in the voice of its campaign.
 *
 * Glossary
 *   speech     one text in one voice
 *   prepared   its sound is on the disk: 16-bit little-endian mono samples, 24,000 a second, nothing before or after them
 *   known      what a text may name that does not depend on the single call
 */
import { voiceOf, type CampaignSettings, type Voice } from '../campaigns/campaign.ts';
import { namesOnly, render, type Variable } from '../campaigns/prompt.ts';
import { sentencesOf } from '../campaigns/sentences.ts';
import { openersOf } from './openers.ts';

export type Speech = Readonly<{ voice: Voice; text: string }>;

export const sampleRate = 24_000;
const bytesPerMs = (sampleRate * 2) / 1000;

/** `numbers`: those that are answered with these settings. */
export type Known = Readonly<{ tenantName: string; numbers: readonly string[] }>;

const knownVariables: readonly Variable[] = ['campaign.name', 'tenant.name', 'number.dialled'];

/** All that can be prepared for calls held with these settings. Texts that name a caller, a lead or the time can't. */
export const speechesOf = (settings: CampaignSettings, known: Known): Speech[] => {
  const voice = voiceOf(settings);
  const { greeting, ...others } = sentencesOf(settings).templates;
  const templates = [...(settings.firstSpeaker === 'agent' ? [greeting] : []), ...Object.values(others)];
  const texts = templates
    .filter((template) => namesOnly(template, knownVariables))
    .flatMap((template) => textsOf(template, settings.name, known));
  return [...new Set(texts.filter((text) => text.trim() !== ''))].map((text) => ({ voice, text }));
};

/** The openers of calls held with these settings. */
export const openingSpeechesOf = (settings: CampaignSettings): Speech[] => {
  const voice = voiceOf(settings);
  return openersOf(settings.language).map((text) => ({ voice, text }));
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

/** What a speech is kept under: all that shapes its sound. `baseUrl`: two endpoints may speak differently. */
export const identityOf = ({ voice, text }: Speech, baseUrl: string): string =>
  JSON.stringify([baseUrl, Object.entries(voice).sort(), text]);

/** No voice is faster than 100 characters a second; what is shorter was cut off. */
const shortestMsPerCharacter = 10;
const longestMs = 180_000;
export const largestBytes = longestMs * bytesPerMs;

/** What is wrong with a sound as the speech of a text; null: nothing that can be told. */
export const problemOfSound = (pcm: Uint8Array, text: string): string | null => {
  if (pcm.length === 0) return 'no sound';
  if (containers.some((mark) => mark.every((byte, at) => pcm[at] === byte))) return 'a container, not plain samples';
  if (pcm.length % 2 !== 0) return 'half a sample';
  if (pcm.length > largestBytes) return 'too long';
  return pcm.length < text.length * shortestMsPerCharacter * bytesPerMs ? 'too short for its text' : null;
};

const bytesOf = (letters: string): number[] => [...letters].map((letter) => letter.charCodeAt(0));
const containers = [bytesOf('RIFF'), bytesOf('OggS'), bytesOf('ID3'), bytesOf('fLaC')];

const firstRetryMs = 30_000;
const lastRetryMs = 3_600_000;

/** How long to wait after so many failures in a row before the provider is asked again for a speech. */
export const retryAfterMs = (failures: number): number => Math.min(firstRetryMs * 2 ** (failures - 1), lastRetryMs);
