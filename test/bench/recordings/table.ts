/**
 * The callers of the speech benchmarks: what each says, and how. A number between tildes is a pause in ms inside the utterance.
 *
 * Glossary
 *   kind        the shape of what is said
 *   treatment   what happens to the sound on its way: `noise` (a room), `phone` (8 kHz, µ-law), `loss` (3 % of the packets lost,
 *               others late), `echo` (a speakerphone: the agent's own voice comes back), `slow` (an elderly speaker)
 */

export type Kind = 'question' | 'request' | 'answer' | 'dictation' | 'hesitation' | 'spelling';
export type Treatment = 'noise' | 'phone' | 'loss' | 'echo' | 'slow';

export type Row = Readonly<{
  name: string;
  kind: Kind;
  text: string;
  /** One of espeak's voices. */
  voice: string;
  /** 1 is about 175 words a minute. */
  rate?: number;
  /** Above 1 is higher than the voice's own pitch. */
  pitch?: number;
  treatments?: readonly Treatment[];
}>;

/** Half of them have pauses inside. */
export const rows: readonly Row[] = [
  // Without pauses.
  { name: 'hours', kind: 'question', text: 'What are your opening hours this week?', voice: 'en-us+f2' },
  { name: 'friday', kind: 'question', text: 'Are you open on Friday afternoon?', voice: 'en-us+m3', rate: 1.15 },
  { name: 'price', kind: 'question', text: 'How much does a check-up cost?', voice: 'en-gb+m2', pitch: 0.93 },
  { name: 'parking', kind: 'question', text: 'Is there any parking near the office?', voice: 'en-gb+f3' },
  { name: 'insurance', kind: 'question', text: 'Do you take my insurance?', voice: 'en-us+f5', treatments: ['phone'] },
  {
    name: 'doctor',
    kind: 'question',
    text: 'Can I see doctor Brown tomorrow?',
    voice: 'en-us+m7',
    treatments: ['noise'],
  },
  { name: 'late', kind: 'question', text: 'Is it too late to come today?', voice: 'en-us+f1', treatments: ['loss'] },
  { name: 'where', kind: 'question', text: 'Where exactly are you?', voice: 'en-gb+m4', treatments: ['echo'] },
  { name: 'children', kind: 'question', text: 'Do you also treat children?', voice: 'en-us+f4', treatments: ['slow'] },
  { name: 'cancel', kind: 'request', text: 'I would like to cancel my appointment on Monday.', voice: 'en-us+m1' },
  {
    name: 'move',
    kind: 'request',
    text: 'I need to move my appointment to next week.',
    voice: 'en-us+Annie',
    rate: 1.2,
  },
  { name: 'pain', kind: 'request', text: 'I have had a terrible toothache since yesterday.', voice: 'en-gb+f1' },
  {
    name: 'message',
    kind: 'request',
    text: 'Please tell the doctor to call me back.',
    voice: 'en-us+m5',
    treatments: ['phone'],
  },
  {
    name: 'person',
    kind: 'request',
    text: 'Let me speak to a real person.',
    voice: 'en-us+m2',
    treatments: ['loss', 'phone'],
  },
  {
    name: 'invoice',
    kind: 'request',
    text: 'I got an invoice that I do not understand.',
    voice: 'en-gb+m5',
    treatments: ['noise'],
  },
  {
    name: 'prescription',
    kind: 'request',
    text: 'I would like to renew my prescription.',
    voice: 'en-us+m4',
    rate: 0.95,
    treatments: ['slow'],
  },
  { name: 'yes', kind: 'answer', text: 'Yes.', voice: 'en-us+f2' },
  { name: 'no', kind: 'answer', text: 'No, thank you.', voice: 'en-us+m3' },
  { name: 'okay', kind: 'answer', text: 'Okay.', voice: 'en-gb+f3', treatments: ['phone'] },
  { name: 'correct', kind: 'answer', text: 'Yes, that is correct.', voice: 'en-us+m7', treatments: ['echo'] },
  { name: 'morning', kind: 'answer', text: 'Tuesday morning.', voice: 'en-us+f4', treatments: ['loss'] },
  { name: 'name', kind: 'answer', text: 'My name is Sarah Miller.', voice: 'en-us+f5', rate: 1.1 },
  // With pauses inside.
  {
    name: 'number',
    kind: 'dictation',
    text: 'My number is ~450~ five five five ~600~ one two three ~500~ four five six seven.',
    voice: 'en-us+f2',
  },
  {
    name: 'number-uh',
    kind: 'dictation',
    text: 'My number is, uh, ~700~ five five five, ~450~ eight six one ~450~ nine two zero four.',
    voice: 'en-us+m3',
  },
  {
    name: 'number-fast',
    kind: 'dictation',
    text: 'It is two one two ~300~ five five five ~300~ one eight seven nine.',
    voice: 'en-gb+f1',
    rate: 1.2,
  },
  {
    name: 'code',
    kind: 'dictation',
    text: 'The code is four seven ~500~ nine nine ~550~ one two.',
    voice: 'en-us+m5',
    treatments: ['phone'],
  },
  {
    name: 'card',
    kind: 'dictation',
    text: 'Four one five ~650~ two two eight ~650~ three three one.',
    voice: 'en-gb+m2',
    treatments: ['loss'],
  },
  {
    name: 'birthday',
    kind: 'dictation',
    text: 'I was born on the ~500~ third of March ~600~ nineteen seventy two.',
    voice: 'en-us+f4',
    rate: 0.95,
  },
  {
    name: 'old-number',
    kind: 'dictation',
    text: 'Let me see, ~900~ six one seven ~800~ five five five ~900~ zero one four two.',
    voice: 'en-us+m1',
    treatments: ['slow'],
  },
  { name: 'spell', kind: 'spelling', text: 'That is M ~350~ I ~350~ double L ~400~ E R.', voice: 'en-us+f5' },
  {
    name: 'spell-noise',
    kind: 'spelling',
    text: 'It is spelled K ~450~ O ~450~ W ~500~ A L.',
    voice: 'en-gb+m4',
    treatments: ['noise'],
  },
  {
    name: 'think',
    kind: 'hesitation',
    text: 'I would like to ~600~ make an appointment for my daughter.',
    voice: 'en-us+Annie',
  },
  {
    name: 'um',
    kind: 'hesitation',
    text: 'I am calling because, um, ~800~ my tooth broke last night.',
    voice: 'en-us+m7',
  },
  {
    name: 'maybe',
    kind: 'hesitation',
    text: 'Could I come on ~500~ Wednesday, or maybe ~600~ on Thursday?',
    voice: 'en-gb+f3',
  },
  {
    name: 'and',
    kind: 'hesitation',
    text: 'I need a cleaning and ~700~ a check-up for two people.',
    voice: 'en-us+m2',
    treatments: ['phone'],
  },
  {
    name: 'because',
    kind: 'hesitation',
    text: 'I can not come tomorrow because ~900~ my car is at the garage.',
    voice: 'en-gb+m5',
    treatments: ['loss'],
  },
  {
    name: 'well',
    kind: 'hesitation',
    text: 'Well, ~750~ it started about ~450~ three days ago.',
    voice: 'en-us+f1',
    treatments: ['echo'],
  },
  {
    name: 'with',
    kind: 'hesitation',
    text: 'I had an appointment with ~550~ doctor Green last month.',
    voice: 'en-us+m4',
    treatments: ['slow'],
  },
  {
    name: 'whether',
    kind: 'question',
    text: 'I wanted to ask whether ~650~ you are open on Saturday.',
    voice: 'en-us+f3',
    treatments: ['noise'],
  },
  { name: 'how-about', kind: 'question', text: 'How about ~400~ half past nine?', voice: 'en-gb+m2', rate: 1.1 },
  {
    name: 'two-parts',
    kind: 'request',
    text: 'My name is Peter Shaw. ~700~ I have a question about my bill.',
    voice: 'en-us+m3',
    rate: 1.05,
  },
  {
    name: 'address',
    kind: 'answer',
    text: 'My address is ~600~ forty two Oak Street ~700~ in Springfield.',
    voice: 'en-us+f4',
    pitch: 1.05,
    treatments: ['phone'],
  },
  {
    name: 'list',
    kind: 'request',
    text: 'I need the address, ~500~ the opening hours ~450~ and a phone number.',
    voice: 'en-gb+f1',
    treatments: ['echo'],
  },
  {
    name: 'medicine',
    kind: 'answer',
    text: 'I take ~850~ aspirin ~800~ and something for my heart.',
    voice: 'en-us+m1',
    pitch: 0.95,
    treatments: ['slow', 'loss'],
  },
];
