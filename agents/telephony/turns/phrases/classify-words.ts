/** What the caller's words ask of the agent, apart from an answer. */
import { isBackchannel } from './backchannel.ts';
import { asksToRepeat } from './repeat-request.ts';
import { asksToWait } from './wait-request.ts';

export type WordsKind = 'wait_request' | 'repeat_request' | 'backchannel' | 'other';

export const classifyWords = (text: string): WordsKind => {
  if (asksToWait(text)) return 'wait_request';
  if (asksToRepeat(text)) return 'repeat_request';
  return isBackchannel(text) ? 'backchannel' : 'other';
};
