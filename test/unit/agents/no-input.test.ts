import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openNoInputTimer, type NoInputTimer } from '#agents/telephony/turns/no-input.ts';

const limits = { noInputPromptMs: 10_000, noInputGoodbyeMs: 30_000, waitRequestMs: 60_000 };
let acts: string[] = [];
let timer: NoInputTimer;
let start = 0;

const note = (what: string) => acts.push(`${what} ${(Date.now() - start) / 1000}`);
/** Advances the clock. */
const wait = (seconds: number) => vi.advanceTimersByTime(seconds * 1000);

beforeEach(() => {
  vi.useFakeTimers();
  acts = [];
  start = Date.now();
  timer = openNoInputTimer(limits, { prompt: () => note('prompt'), goodbye: () => note('goodbye') });
});
afterEach(() => {
  timer[Symbol.dispose]();
  vi.useRealTimers();
});

test('prompts 10 s and 20 s after the last word, says goodbye after 30 s, and then nothing more', () => {
  timer.agentDone();
  wait(100);
  expect(acts).toEqual(['prompt 10', 'prompt 20', 'goodbye 30']);
});

test('nothing happens before the agent has spoken', () => {
  wait(100);
  expect(acts).toEqual([]);
});

test('the timer is stopped while the caller speaks, and then starts again', () => {
  timer.agentDone();
  wait(15);
  timer.callerSpeaks();
  wait(40);
  timer.callerSilent();
  wait(9.9);
  expect(acts).toEqual(['prompt 10']);
  wait(30);
  expect(acts).toEqual(['prompt 10', 'prompt 65', 'prompt 75', 'goodbye 85']);
});

test('the timer is stopped while the agent thinks, speaks or runs a tool', () => {
  timer.agentDone();
  wait(5);
  timer.agentBusy();
  wait(50);
  timer.callerSpeaks();
  timer.callerSilent(); // a cough while the agent speaks doesn't start the timer
  wait(50);
  expect(acts).toEqual([]);
  timer.agentDone();
  wait(10);
  expect(acts).toEqual(['prompt 115']);
});

test('a wait request grants 60 s', () => {
  timer.callerSaid(true);
  timer.agentDone();
  wait(59);
  expect(acts).toEqual([]);
  wait(22);
  expect(acts).toEqual(['prompt 60', 'prompt 70', 'goodbye 80']);
});

test('other words end the wait request', () => {
  timer.callerSaid(true);
  timer.agentDone();
  wait(30);
  timer.callerSpeaks();
  timer.callerSaid(false);
  timer.callerSilent();
  wait(10);
  expect(acts).toEqual(['prompt 40']);
});

test('after disposing nothing is done', () => {
  timer.agentDone();
  timer[Symbol.dispose]();
  wait(100);
  expect(acts).toEqual([]);
});
