import { expect, test } from 'vitest';
import { buildJob } from '#src/calls/preview/build-job.ts';
import { defaultSystemMessages, defaultSettings } from '#src/campaigns/campaign.ts';
import { retryAfterMs, speechesOf } from '#src/campaigns/speeches.ts';
import { identityOf, findAudioProblem } from '#src/speech-cache/speech.ts';

const settings = { ...defaultSettings, name: 'Front desk' };
const known = { tenantName: 'Dental', numbers: ['+18588796658', '+12025550123'] };
const textsOf = (changes: Partial<typeof settings>) =>
  speechesOf({ ...settings, ...changes }, known).map(({ text }) => text);

test('every text that a call says without a model, word for word', () => {
  const own = { greeting: 'Hi, {{tenant.name}}.', goodbyeSentence: 'Bye from {{ campaign.name }}.' };
  const texts = textsOf(own);
  const { job } = buildJob({
    call: { id: 'c', roomName: 'r', phoneNumber: '+15551234567', dialedNumber: '+18588796658' },
    attempt: 1,
    callerIdentity: 'sip_1',
    agentName: 'telephony-agent',
    purpose: 'converse',
    settings: { ...settings, ...own },
    leadName: 'Sarah',
    tenantName: 'Dental',
    now: new Date(),
    turns: [],
  });
  expect(texts).toContain('Hi, Dental.');
  expect(texts).toContain('Bye from Front desk.');
  expect(new Set(texts)).toEqual(
    new Set([job.greeting, ...Object.values(job.systemMessages)].filter((text) => text !== '')),
  );
  expect(new Set(speechesOf(settings, known).map(({ voice }) => JSON.stringify(voice)))).toEqual(
    new Set([JSON.stringify(job.tts)]),
  );
});

test.each(['{{caller.number}}', '{{lead.name}}', 'It is {{ now }}'])(
  'a text that depends on the call (%s) is not prepared',
  (greeting) =>
    expect(textsOf({ greeting })).toEqual(
      Object.values(defaultSystemMessages)
        .slice(1)
        .filter((text) => text !== ''),
    ),
);

test('a text that names the dialed number is prepared once per number', () => {
  const texts = textsOf({ greeting: 'You called {{number.dialed}}.' });
  expect(texts.slice(0, 2)).toEqual(['You called +18588796658.', 'You called +12025550123.']);
});

test('an invalid text falls back to our default; a greeting that is never spoken is not prepared', () => {
  expect(textsOf({ greeting: 'Hi {{first_name}}' })).toContain(defaultSystemMessages.greeting);
  expect(textsOf({ firstSpeaker: 'caller' })).not.toContain(defaultSystemMessages.greeting);
  expect(textsOf({ silenceSentence: ' ' })).toContain(defaultSystemMessages.silence);
});

test('another text, voice, model, provider, rate or endpoint is another speech', () => {
  const voice = { provider: 'openai', model: 'm', voice: 'v', rate: 1 } as const;
  const speech = { voice, text: 'Hello' };
  const others = [
    identityOf({ ...speech, text: 'Hello!' }, 'http://a'),
    identityOf({ ...speech, voice: { ...voice, voice: 'w' } }, 'http://a'),
    identityOf({ ...speech, voice: { ...voice, model: 'n' } }, 'http://a'),
    identityOf({ ...speech, voice: { ...voice, provider: 'deepgram' } }, 'http://a'),
    identityOf({ ...speech, voice: { ...voice, rate: 1.1 } }, 'http://a'),
    identityOf(speech, 'http://b'),
  ];
  expect(new Set([identityOf(speech, 'http://a'), ...others]).size).toBe(7);
  const turned = { rate: 1, voice: 'v', model: 'm', provider: 'openai' } as const;
  expect(identityOf({ voice: turned, text: 'Hello' }, 'http://a')).toBe(identityOf(speech, 'http://a'));
});

test.each([
  [0, 'no audio'],
  [48_001, 'an incomplete sample'],
  [480, 'too short for the text'],
  [48_000 * 200, 'too long'],
  [48_000, null],
])('%d bytes of audio for "Good morning": %s', (bytes, problem) => {
  expect(findAudioProblem(new Uint8Array(bytes), 'Good morning')).toBe(problem);
});

test('a file with a header is refused: it would be heard as a click', () => {
  const wav = Buffer.concat([Buffer.from('RIFF'), Buffer.alloc(48_000)]);
  expect(findAudioProblem(wav, 'Hi')).toMatch(/container/);
});

test('each failure in a row doubles the pause before the next attempt, up to an hour', () => {
  expect([1, 2, 3, 20].map(retryAfterMs)).toEqual([30_000, 60_000, 120_000, 3_600_000]);
});
