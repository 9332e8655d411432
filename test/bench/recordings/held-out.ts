/**
 * Held-out callers: nothing was tuned with these utterances, and their figures are reported apart. Don't use them when you work on
 * end-of-turn detection or lead-in phrases. Half of them have pauses inside.
 */
import type { Row } from './table.ts';

export const heldOutRows: readonly Row[] = [
  { name: 'held-late', kind: 'question', text: 'How late can I come in on a Thursday?', voice: 'en-gb+m4' },
  {
    name: 'held-kids',
    kind: 'question',
    text: 'Do you also treat small children?',
    voice: 'en-us+f1',
    treatments: ['phone'],
  },
  {
    name: 'held-move',
    kind: 'request',
    text: 'Please move my appointment to next week.',
    voice: 'en-us+m2',
    rate: 1.1,
  },
  {
    name: 'held-bill',
    kind: 'request',
    text: 'I would like a copy of my last bill.',
    voice: 'en-gb+f1',
    treatments: ['loss'],
  },
  { name: 'held-sure', kind: 'answer', text: 'Yes, I am quite sure about that.', voice: 'en-us+f5' },
  { name: 'held-noon', kind: 'answer', text: 'Shortly after noon.', voice: 'en-us+m5', treatments: ['noise'] },
  { name: 'held-nurse', kind: 'request', text: 'Let me talk to the nurse.', voice: 'en-gb+m2', treatments: ['slow'] },
  {
    name: 'held-wait',
    kind: 'question',
    text: 'How long would I have to wait?',
    voice: 'en-us+f4',
    treatments: ['echo'],
  },
  {
    name: 'held-phone',
    kind: 'dictation',
    text: 'You can reach me at ~500~ seven oh two ~550~ five five five ~450~ two three eight six.',
    voice: 'en-us+f3',
  },
  {
    name: 'held-zip',
    kind: 'dictation',
    text: 'The zip code is nine four ~600~ one one zero.',
    voice: 'en-gb+m5',
    treatments: ['phone'],
  },
  {
    name: 'held-name',
    kind: 'spelling',
    text: 'My last name is S ~400~ C ~350~ H ~400~ U ~350~ L Z.',
    voice: 'en-us+m4',
  },
  {
    name: 'held-either',
    kind: 'hesitation',
    text: 'I could do either ~700~ Monday morning or Friday.',
    voice: 'en-us+Annie',
    treatments: ['loss'],
  },
  {
    name: 'held-since',
    kind: 'hesitation',
    text: 'It has been hurting since ~850~ about last Sunday.',
    voice: 'en-us+m7',
    treatments: ['slow'],
  },
  {
    name: 'held-if',
    kind: 'question',
    text: 'Could you tell me if ~600~ the doctor speaks Spanish?',
    voice: 'en-gb+f3',
  },
  {
    name: 'held-both',
    kind: 'request',
    text: 'I need to cancel. ~800~ And then I want a new date in May.',
    voice: 'en-us+f2',
    treatments: ['noise'],
  },
  {
    name: 'held-street',
    kind: 'answer',
    text: 'I live at ~450~ eleven ~500~ Mill Road.',
    voice: 'en-us+m3',
    treatments: ['echo'],
  },
];
