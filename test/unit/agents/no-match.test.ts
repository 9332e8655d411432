import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openNoMatchTimer, type NoMatchTimer } from '#agents/telephony/turns/no-match.ts';

let told: number[] = [];
let clock: NoMatchTimer;

const wait = (seconds: number) => vi.advanceTimersByTime(seconds * 1000);
const speak = (seconds: number) => {
  clock.callerSpeaks();
  wait(seconds);
  clock.callerSilent();
};

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  clock = openNoMatchTimer((times) => told.push(times));
});
afterEach(() => {
  clock[Symbol.dispose]();
  vi.useRealTimers();
});

test('a caller who spoke, and no word arrived: told 2.5 s later, and how often in a row', () => {
  speak(1.5);
  wait(2.4);
  expect(told).toEqual([]);
  wait(0.2);
  speak(1.5);
  wait(2.5);
  expect(told).toEqual([1, 2]);
});

test('pauses inside a sentence do not split it', () => {
  for (let n = 0; n < 3; n++) {
    speak(0.5);
    wait(0.4);
  }
  wait(2.5);
  expect(told).toEqual([1]);
});

test('a cough is not speech', () => {
  for (let n = 0; n < 5; n++) {
    speak(0.6);
    wait(5);
  }
  expect(told).toEqual([]);
});

test('words that arrive, also late, are enough; and it is counted anew', () => {
  speak(3);
  wait(1.5);
  clock.understood();
  wait(10);
  expect(told).toEqual([]);
  speak(3);
  wait(2.5);
  clock.understood();
  speak(3);
  wait(2.5);
  expect(told).toEqual([1, 1]);
});

test('the end of a long speech may be lost as well', () => {
  clock.callerSpeaks();
  wait(2.5);
  clock.understood();
  wait(2.5);
  clock.callerSilent();
  wait(2.5);
  expect(told).toEqual([1]);
});

test('who asked to wait speaks with somebody else, until they are back', () => {
  clock.understood(true);
  speak(5);
  wait(5);
  expect(told).toEqual([]);
  clock.understood();
  speak(5);
  wait(5);
  expect(told).toEqual([1]);
});

test('what is heard while the agent speaks does not count', () => {
  clock.callerSpeaks();
  wait(2.5);
  clock.agentBusy();
  wait(1);
  clock.callerSilent();
  wait(10);
  expect(told).toEqual([]);
});
