/** Deepgram's `Results` message. */
import type { Word } from '../scenario/script.ts';

type Formatting = { punctuate: boolean; smart_format: boolean };
export type ResultsFlags = { final: boolean; finalize: boolean };

const confidence = 0.98;

/** The times are in ms of audio; those of the words count from `startMs`. */
export const resultsMessage = (results: {
  query: Formatting;
  requestId: string;
  startMs: number;
  endMs: number;
  words: Word[];
  flags: ResultsFlags;
}): object => {
  const { query, words, startMs, flags } = results;
  const seconds = (ms: number): number => Math.round(startMs + ms) / 1000;
  const alternative = {
    transcript: transcriptOf(query, words),
    confidence: words.length > 0 ? confidence : 0,
    words: words.map((word) => ({
      word: plain(word.text),
      start: seconds(word.startMs),
      end: seconds(word.endMs),
      confidence,
      ...(isFormatted(query) && { punctuated_word: word.text }),
    })),
  };
  return {
    type: 'Results',
    channel_index: [0, 1],
    duration: Math.round(results.endMs - startMs) / 1000,
    start: seconds(0),
    is_final: flags.final,
    speech_final: flags.final,
    from_finalize: flags.finalize,
    channel: { alternatives: [alternative] },
    metadata: {
      request_id: results.requestId,
      model_info: { name: 'simulated', version: '1' },
      model_uuid: 'simulated',
    },
  };
};

export const transcriptOf = (query: Formatting, words: Word[]): string =>
  words.map(({ text }) => (isFormatted(query) ? text : plain(text))).join(' ');

const isFormatted = (query: Formatting): boolean => query.punctuate || query.smart_format;

const plain = (word: string): string => word.toLowerCase().replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '') || word;
