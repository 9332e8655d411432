import { describe, expect, test } from 'vitest';
import { buildJob, type JobParts } from '#src/calls/preview/build-job.ts';
import { defaultGreeting, defaultSystemMessages, defaultSettings } from '#src/campaigns/campaign.ts';

const parts: JobParts = {
  call: { id: 'c1', roomName: 'room', phoneNumber: '+15551234567', dialedNumber: '+18588796658' },
  attempt: 1,
  callerIdentity: 'sip_1',
  agentName: 'telephony-agent',
  purpose: 'converse',
  settings: {
    ...defaultSettings,
    name: 'Front desk',
    prompt: 'For {{lead.name}} of {{campaign.name}} at {{caller.number}}.',
  },
  leadName: 'Sarah',
  tenantName: 'Dental',
  now: new Date('2026-01-01T12:00:00Z'),
  turns: [],
};

describe('buildJob', () => {
  test("puts the call's values into the campaign's texts; what it leaves open is our standard", () => {
    const { job, problems } = buildJob(parts);
    expect(problems).toEqual([]);
    expect(job).toMatchObject({
      instructions: 'For Sarah of Front desk at +15551234567.',
      greeting: defaultGreeting,
      caller: { identity: 'sip_1', number: '+15551234567', name: 'Sarah' },
      limits: { noInputPromptMs: 10_000, noInputGoodbyeMs: 30_000, waitRequestMs: 60_000 },
      endpointingFactor: 1,
      greetingGuardMs: 0,
      tts: { rate: 1 },
      firstTurnSeq: 0,
      history: [],
    });
  });

  test('how the campaign speaks and listens', () => {
    const own = { speakingRate: 1.1, turnPatience: 2, greetingProtectedMs: 1500 };
    const { job } = buildJob({ ...parts, settings: { ...defaultSettings, ...own } });
    expect(job).toMatchObject({ tts: { rate: 1.1 }, endpointingFactor: 2, greetingGuardMs: 1500 });
  });

  test('the contract’s greeting, to the letter', () => {
    expect(defaultGreeting).toBe('Hello! This is your AI assistant. How can I help you?');
  });

  test('a text with an unknown variable is never spoken: our standard is, and the problem is told', () => {
    const settings = { ...defaultSettings, greeting: 'Hi {{first_name}}!', prompt: 'You are {{bot}}.' };
    const { job, problems } = buildJob({ ...parts, settings });
    expect(job.greeting).toBe(defaultGreeting);
    expect(job.instructions).toBe(defaultSettings.prompt);
    expect(problems).toEqual([
      expect.stringContaining('prompt: {{bot}}'),
      expect.stringContaining('greeting: {{first_name}}'),
    ]);
  });

  test('a call without a campaign is held by our standard', () => {
    const { job } = buildJob({ ...parts, settings: null, leadName: null });
    expect(job).toMatchObject({
      greeting: defaultGreeting,
      systemMessages: { announcement: defaultSystemMessages.full },
    });
  });

  test('an anonymous caller has no number; a lead that nobody named is no name to be called by', () => {
    const call = { ...parts.call, phoneNumber: 'anonymous:SIP-1' };
    const { job } = buildJob({ ...parts, call, leadName: null });
    expect(job.caller).toEqual({ identity: 'sip_1', number: null, name: null });
    expect(job.instructions).toBe('For caller of Front desk at withheld.');
  });

  test('a second agent gets what was said, and goes on counting', () => {
    const turns = [
      { seq: 0, role: 'agent' as const, text: 'Hi.' },
      { seq: 1, role: 'tool' as const, text: 'take_message {}' },
      { seq: 4, role: 'caller' as const, text: 'Hello.' },
    ];
    const { job } = buildJob({ ...parts, attempt: 2, turns });
    expect(job.history).toEqual([
      { role: 'agent', text: 'Hi.' },
      { role: 'caller', text: 'Hello.' },
    ]);
    expect(job.firstTurnSeq).toBe(5);
  });
});
