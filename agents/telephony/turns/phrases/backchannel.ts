/** Backchannels, such as "uh-huh": what people say to show that they are listening. English only. */

const words = new Set(
  (
    'uh-huh uhhuh mm-hmm mmhmm mhm mm hm hmm mmm aha ah oh uh um okay ok right yeah yep alright sure good great cool nice wow ' +
    'really exactly'
  ).split(' '),
);
const phrases = /^(i see|got it|uh huh|mm hmm|all right|of course|go on|makes sense|i understand)$/;
const maxWords = 3;

/** Whether the text is nothing but a backchannel. */
export const isBackchannel = (text: string): boolean => {
  const plain = text
    .toLowerCase()
    .replace(/[^\p{L}' -]/gu, '')
    .trim();
  const said = plain.split(/\s+/);
  return phrases.test(plain) || (said.length <= maxWords && said.every((word) => words.has(word)));
};
