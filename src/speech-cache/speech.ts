/** One text in one voice, and its sound. */
import { speechSampleRate, type Speech } from '../protocol/speech-request.ts';

const bytesPerMs = (speechSampleRate * 2) / 1000;

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
