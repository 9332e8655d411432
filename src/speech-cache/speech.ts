/** One text in one voice, and its audio. */
import { speechSampleRate, type Speech } from '../protocol/speech-request.ts';

const bytesPerMs = (speechSampleRate * 2) / 1000;

/** The cache key of a speech: everything that shapes its audio. `baseUrl` is part of it because endpoints may sound different. */
export const identityOf = ({ voice, text }: Speech, baseUrl: string): string =>
  JSON.stringify([baseUrl, Object.entries(voice).sort(), text]);

/** No voice speaks more than 100 characters a second; shorter audio was cut off. */
const minMsPerCharacter = 10;
const maxMs = 180_000;
export const maxSpeechBytes = maxMs * bytesPerMs;

/** Why audio can't be the speech of a text; null: no problem was found. */
export const findAudioProblem = (pcm: Uint8Array, text: string): string | null => {
  if (pcm.length === 0) return 'no audio';
  if (containers.some((magic) => magic.every((byte, at) => pcm[at] === byte)))
    return 'a container format instead of raw samples';
  if (pcm.length % 2 !== 0) return 'an incomplete sample';
  if (pcm.length > maxSpeechBytes) return 'too long';
  return pcm.length < text.length * minMsPerCharacter * bytesPerMs ? 'too short for the text' : null;
};

const bytesOf = (letters: string): number[] => [...letters].map((letter) => letter.charCodeAt(0));
const containers = [bytesOf('RIFF'), bytesOf('OggS'), bytesOf('ID3'), bytesOf('fLaC')];
