/** What the agent replies in `reply`: by turns with and without a lead-in phrase that our side has prepared. */
import { leadInPhrasesOf } from '#src/protocol/lead-in-phrases.ts';

export const greeting = 'Hello, how can I help you?';
const mostTurns = 30;

/** Half of them begin with a lead-in phrase. */
const replies: readonly string[] = [
  'Of course, I can look that up for you right now.',
  'We are open until six, and on Friday until two.',
  'Thank you. I have written that down for the doctor.',
  'The earliest appointment is on Thursday at half past nine.',
  'I am sorry to hear that, let me find you an early appointment.',
  'Doctor Green can see you at a quarter past eleven.',
  'Sure, we will call you back this afternoon.',
  'What day of the week would suit you best?',
];

const replyTo = (turn: number): string => replies[(turn - 1) % replies.length] ?? '';

export const scenario = {
  name: 'reply',
  replies: [
    ...Array.from({ length: mostTurns }, (_, index) => ({ when: { turn: index + 1 }, say: replyTo(index + 1) })),
    { when: { instructions: 'Greet the user' }, say: greeting },
  ],
};

const plain = (text: string): string =>
  text
    .toLowerCase()
    .replace('i am', "i'm")
    .replaceAll(/[^\p{L}' ]/gu, '');

/** Whether the reply to that turn of the caller begins with a phrase that our side has prepared. */
export const hasLeadIn = (turn: number): boolean => {
  const reply = plain(replyTo(turn));
  return turn > 0 && leadInPhrasesOf('en').some((phrase) => reply.startsWith(plain(phrase)));
};
