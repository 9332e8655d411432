/** "One moment": a caller who asks to wait is given more time before the agent asks whether they are still there. */

const requests = [
  /\b(one|a|just a|give me a|wait a|another) (moment|second|sec|minute|min)\b/,
  /\b(hold on|hang on|hold the line|bear with me|wait please|please wait)\b/,
  /\blet me (just |quickly )?(check|look|find|get|fetch|grab|see if)\b/,
  /\b(einen?|kleinen) (kurzen )?(moment|augenblick)\b|\bsekunde\b/,
  /\bun (momento|segundo|momentito)\b/,
  /\bun (instant|moment)\b|\bune (seconde|minute)\b/,
];
/** Longer than this, it is a story that happens to hold such words. */
const mostWords = 14;

/** Whether the caller, with these words, asks the agent to wait. A question wants an answer and never asks to wait. */
export const asksToWait = (words: string): boolean => {
  const plain = words
    .toLowerCase()
    .replace(/[,.!;:]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  if (plain.endsWith('?') && !/^(can|could|would|will) you\b/.test(plain)) return false;
  if (plain.split(' ').length > mostWords) return false;
  return requests.some((request) => request.test(plain));
};
