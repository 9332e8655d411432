/** Wait requests, such as "One moment": the caller gets more time before the first no-input prompt. */

const requests = [
  /\b(one|a|just a|give me a|wait a|another) (moment|second|sec|minute|min)\b/,
  /\b(hold on|hang on|hold the line|bear with me|wait please|please wait)\b/,
  /\blet me (just |quickly )?(check|look|find|get|fetch|grab|see if)\b/,
  /\b(einen?|kleinen) (kurzen )?(moment|augenblick)\b|\bsekunde\b/,
  /\bun (momento|segundo|momentito)\b/,
  /\bun (instant|moment)\b|\bune (seconde|minute)\b/,
];
/** A longer text merely happens to contain such words. */
const maxWords = 14;

/** Whether the words ask the agent to wait. A question doesn't, unless it is "Can you …?" or the like. */
export const asksToWait = (words: string): boolean => {
  const plain = words
    .toLowerCase()
    .replace(/[,.!;:]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  if (plain.endsWith('?') && !/^(can|could|would|will) you\b/.test(plain)) return false;
  if (plain.split(' ').length > maxWords) return false;
  return requests.some((request) => request.test(plain));
};
