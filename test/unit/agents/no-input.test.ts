import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openNoInputTimer, type NoInputTimer } from '#agents/telephony/turns/no-input.ts';

const limits = { noInputPromptMs: 10_000, noInputGoodbyeMs: 30_000, waitRequestMs: 60_000 };
let acts: string[] = [];
let silence: NoInputTimer;
let start = 0;

const note = (what: string) => acts.push(`${what} ${(Date.now() - start) / 1000}`);
/** Lets so many seconds pass. */
const wait = (seconds: number) => vi.advanceTimersByTime(seconds * 1000);

beforeEach(() => {
  vi.useFakeTimers();
  acts = [];
  start = Date.now();
  silence = openNoInputTimer(limits, { prompt: () => note('ask'), goodbye: () => note('goodbye') });
});
afterEach(() => {
  silence[Symbol.dispose]();
  vi.useRealTimers();
});

test('asks at 10 s and 20 s after the last word, says goodbye at 30 s, and then nothing more', () => {
  silence.agentDone();
  wait(100);
  expect(acts).toEqual(['ask 10', 'ask 20', 'goodbye 30']);
});

test('nothing happens before the agent has spoken', () => {
  wait(100);
  expect(acts).toEqual([]);
});

test('the caller speaking starts it all again, and it stands while they speak', () => {
  silence.agentDone();
  wait(15);
  silence.callerSpeaks();
  wait(40);
  silence.callerSilent();
  wait(9.9);
  expect(acts).toEqual(['ask 10']);
  wait(30);
  expect(acts).toEqual(['ask 10', 'ask 65', 'ask 75', 'goodbye 85']);
});

test('it stands while the agent thinks, speaks or runs a tool', () => {
  silence.agentDone();
  wait(5);
  silence.agentBusy();
  wait(50);
  silence.callerSpeaks();
  silence.callerSilent(); // a cough while the agent speaks does not start the clock
  wait(50);
  expect(acts).toEqual([]);
  silence.agentDone();
  wait(10);
  expect(acts).toEqual(['ask 115']);
});

test('"one moment" grants 60 s, until the caller speaks again', () => {
  silence.callerSaid(true);
  silence.agentDone();
  wait(59);
  expect(acts).toEqual([]);
  wait(22);
  expect(acts).toEqual(['ask 60', 'ask 70', 'goodbye 80']);
});

test('words that ask for nothing end the hold', () => {
  silence.callerSaid(true);
  silence.agentDone();
  wait(30);
  silence.callerSpeaks();
  silence.callerSaid(false);
  silence.callerSilent();
  wait(10);
  expect(acts).toEqual(['ask 40']);
});

test('after disposing nothing is done', () => {
  silence.agentDone();
  silence[Symbol.dispose]();
  wait(100);
  expect(acts).toEqual([]);
});
