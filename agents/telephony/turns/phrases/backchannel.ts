/** "Uh-huh": what people say to show that they are listening. English. */

const words = new Set(
  (
    'uh-huh uhhuh mm-hmm mmhmm mhm mm hm hmm mmm aha ah oh uh um okay ok right yeah yep alright sure good great cool nice wow ' +
    'really exactly'
  ).split(' '),
);
const phrases = /^(i see|got it|uh huh|mm hmm|all right|of course|go on|makes sense|i understand)$/;
const mostWords = 3;

/** Whether the text says nothing but that somebody is listening. */
export const isBackchannel = (text: string): boolean => {
  const plain = text
    .toLowerCase()
    .replace(/[^\p{L}' -]/gu, '')
    .trim();
  const said = plain.split(/\s+/);
  return phrases.test(plain) || (said.length <= mostWords && said.every((word) => words.has(word)));
};
