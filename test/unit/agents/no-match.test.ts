import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openNoMatchTimer, type NoMatchTimer } from '#agents/telephony/turns/no-match.ts';

let noMatches: number[] = [];
let timer: NoMatchTimer;

const wait = (seconds: number) => vi.advanceTimersByTime(seconds * 1000);
const speak = (seconds: number) => {
  timer.callerSpeaks();
  wait(seconds);
  timer.callerSilent();
};

beforeEach(() => {
  vi.useFakeTimers();
  noMatches = [];
  timer = openNoMatchTimer((times) => noMatches.push(times));
});
afterEach(() => {
  timer[Symbol.dispose]();
  vi.useRealTimers();
});

test('speech without words is a no-match 2.5 s later, counted in a row', () => {
  speak(1.5);
  wait(2.4);
  expect(noMatches).toEqual([]);
  wait(0.2);
  speak(1.5);
  wait(2.5);
  expect(noMatches).toEqual([1, 2]);
});

test('pauses inside a sentence do not split it', () => {
  for (let n = 0; n < 3; n++) {
    speak(0.5);
    wait(0.4);
  }
  wait(2.5);
  expect(noMatches).toEqual([1]);
});

test('a cough is not speech', () => {
  for (let n = 0; n < 5; n++) {
    speak(0.6);
    wait(5);
  }
  expect(noMatches).toEqual([]);
});

test('words, even late ones, prevent a no-match and reset the count', () => {
  speak(3);
  wait(1.5);
  timer.recognized();
  wait(10);
  expect(noMatches).toEqual([]);
  speak(3);
  wait(2.5);
  timer.recognized();
  speak(3);
  wait(2.5);
  expect(noMatches).toEqual([1, 1]);
});

test('a no-match at the end of a long speech is noticed, too', () => {
  timer.callerSpeaks();
  wait(2.5);
  timer.recognized();
  wait(2.5);
  timer.callerSilent();
  wait(2.5);
  expect(noMatches).toEqual([1]);
});

test('after a wait request nothing counts until words are recognized', () => {
  timer.recognized(true);
  speak(5);
  wait(5);
  expect(noMatches).toEqual([]);
  timer.recognized();
  speak(5);
  wait(5);
  expect(noMatches).toEqual([1]);
});

test('speech while the agent speaks does not count', () => {
  timer.callerSpeaks();
  wait(2.5);
  timer.agentBusy();
  wait(1);
  timer.callerSilent();
  wait(10);
  expect(noMatches).toEqual([]);
});
