/** Classifies the caller's words by what they want from the agent. */
import { isBackchannel } from './backchannel.ts';
import { asksToRepeat } from './repeat-request.ts';
import { asksToWait } from './wait-request.ts';

export type WordsKind = 'wait_request' | 'repeat_request' | 'backchannel' | 'other';

export const classifyWords = (text: string): WordsKind => {
  if (asksToWait(text)) return 'wait_request';
  if (asksToRepeat(text)) return 'repeat_request';
  return isBackchannel(text) ? 'backchannel' : 'other';
};
