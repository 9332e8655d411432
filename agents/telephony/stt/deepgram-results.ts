/** Messages of Deepgram's live transcription (https://developers.deepgram.com/reference/speech-to-text/listen-streaming). */
import { createTimedString, normalizeLanguage, stt } from '@livekit/agents';
import { z } from 'zod';

const results = z.object({
  type: z.literal('Results'),
  is_final: z.boolean(),
  start: z.number(),
  duration: z.number(),
  channel: z.object({
    alternatives: z.array(
      z.object({
        transcript: z.string(),
        confidence: z.number().default(0),
        words: z
          .array(
            z.object({
              word: z.string(),
              punctuated_word: z.string().optional(),
              start: z.number(),
              end: z.number(),
              confidence: z.number().default(0),
            }),
          )
          .default([]),
      }),
    ),
  }),
});

/** A transcript. Times are in seconds since the connection's first sample. */
export type Results = z.infer<typeof results>;

/** Reads a message; null if it isn't a transcript. */
export const readResults = (data: string): Results | null => {
  try {
    return results.safeParse(JSON.parse(data)).data ?? null;
  } catch {
    return null;
  }
};

/**
 * Translates a transcript into the framework's event; null if it is empty.
 * @param offset when the connection's first sample was spoken, in seconds since the caller's first sample
 */
export const eventOf = ({ is_final, channel }: Results, offset: number, language: string): stt.SpeechEvent | null => {
  const [best] = channel.alternatives;
  if (best === undefined || best.transcript === '') return null;
  const { transcript, confidence, words } = best;
  return {
    type: is_final ? stt.SpeechEventType.FINAL_TRANSCRIPT : stt.SpeechEventType.INTERIM_TRANSCRIPT,
    alternatives: [
      {
        text: transcript,
        language: normalizeLanguage(language),
        confidence,
        startTime: offset + (words[0]?.start ?? 0),
        endTime: offset + (words.at(-1)?.end ?? 0),
        words: words.map((word) =>
          createTimedString({
            text: word.punctuated_word ?? word.word,
            startTime: offset + word.start,
            endTime: offset + word.end,
            confidence: word.confidence,
          }),
        ),
      },
    ],
  };
};
