/** What a newcomer types: demo, dev, and the CLI beside it. */
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { synthesize } from '#src/simulators/speech/speech.ts';
import { freePort } from '#src/local/livekit/free-port.ts';
import { obtainChromium } from '#test/support/chromium.ts';
import { npm, survivorsOf, type Started } from '#test/support/npm.ts';

const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] };

type Last = {
  call: { status: string; duration: number; endReason: string };
  lead: { status: string };
  transcript: { role: string; text: string }[];
};

const lastLine = ({ output }: Started): Last => JSON.parse(output().trim().split('\n').at(-1) ?? '') as Last;

const leftFolders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('telephony-agent-demo-'));

test('npm run demo prints the conversation and the records, and leaves nothing', async () => {
  const before = await leftFolders();
  const demo = npm(['run', 'demo'], env);
  expect(await demo.exited, demo.output()).toBe(0);
  const { call, lead, transcript } = lastLine(demo);
  expect(call).toMatchObject({ status: 'completed', endReason: 'agent_hangup' });
  expect(call.duration).toBeGreaterThan(0);
  expect(lead.status).toBe('completed');
  for (const role of ['agent', 'caller'])
    expect(transcript.filter((turn) => turn.role === role).length).toBeGreaterThanOrEqual(2);
  for (const { text } of transcript) expect(demo.output()).toContain(`│ ${text}`);
  expect(demo.family().length).toBeGreaterThan(2);
  expect(await survivorsOf(demo)).toEqual([]);
  expect(await leftFolders()).toEqual(before);
});

test('Ctrl-C during the demo: exit 1, no process and no folder is left', async () => {
  const before = await leftFolders();
  const demo = npm(['run', 'demo'], env, { detached: true });
  await expect.poll(demo.output, { timeout: 60_000 }).toContain('in progress');
  demo.family();
  // As a terminal does: to the whole process group.
  process.kill(-(demo.child.pid ?? 0), 'SIGINT');
  expect(await demo.exited).not.toBe(0);
  expect(demo.output()).toContain('Stopped.');
  expect(await survivorsOf(demo)).toEqual([]);
  expect(await leftFolders()).toEqual(before);
});

test('npm run dev stays up: it can be called from the command line and from the browser', async () => {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'telephony-agent-dev-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const databaseUrl = `file:${join(folder, 'dev.db')}`;
  const dev = npm(['run', 'dev'], { ...env, PORT: String(port), DATABASE_URL: databaseUrl, LOG_LEVEL: 'error' });
  await expect.poll(dev.output, { timeout: 60_000 }).toContain('telephony-agent is up');
  expect(dev.output()).toContain(`http://127.0.0.1:${port}/call`);

  const words = 'What are your opening hours?';
  const call = npm(
    ['run', 'cli', '--', 'call', '--port', String(port), '--say', words, '--say', 'Thank you, goodbye'],
    env,
  );
  expect(await call.exited, call.output()).toBe(0);
  const { call: record, transcript } = lastLine(call);
  expect(record.status).toBe('completed');
  expect(transcript).toContainEqual({ role: 'caller', text: words });
  expect(transcript.some(({ role, text }) => role === 'agent' && text.includes('Monday to Thursday'))).toBe(true);

  await phoneFromBrowser(`http://localhost:${port}/call`);

  // A source file changes: the service restarts, the LiveKit server doesn't.
  const now = new Date();
  await utimes(join(import.meta.dirname, '../../src/calls/call.ts'), now, now);
  const starts = () => dev.output().split('telephony-agent is up').length - 1;
  await expect.poll(starts, { timeout: 60_000 }).toBe(2);
  dev.family();
  dev.child.kill('SIGINT');
  expect(await dev.exited).toBe(0);
  expect(await survivorsOf(dev)).toEqual([]);
});

/** A WAV file of a person who waits, then speaks. Chromium's own fake microphone never stops beeping. */
const microphone = async (text: string): Promise<string> => {
  const sampleRate = 48_000;
  const words = await synthesize(text, { voice: 'caller', sampleRate });
  const samples = new Int16Array(12 * sampleRate + words.length + 30 * sampleRate);
  samples.set(words, 12 * sampleRate);
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(2 * sampleRate, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  const path = join(tmpdir(), `telephony-agent-microphone-${process.pid}.wav`);
  await writeFile(path, Buffer.concat([header, Buffer.from(samples.buffer)]));
  onTestFinished(() => rm(path, { force: true }));
  return path;
};

const phoneFromBrowser = async (url: string): Promise<void> => {
  const file = await microphone('What are your opening hours this week?');
  const fake = [
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    `--use-file-for-fake-audio-capture=${file}%noloop`,
  ];
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic'];
  const browser = await chromium.launch({
    executablePath: await obtainChromium(() => undefined),
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', ...quiet, ...fake],
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(url);
  await page.getByRole('button', { name: 'Call' }).click();
  // The agent's greeting, which the page shows while it is spoken.
  await expect
    .poll(() => page.textContent('body'), { timeout: 30_000 })
    .toContain('Thank you for calling Bright Smile Dental');
  await expect.poll(() => page.textContent('body'), { timeout: 30_000 }).toContain('Monday to Thursday');
  await page.getByRole('button', { name: 'Hang up' }).click();
  await browser.close();
};

test('cli: the list of commands, help, and clear errors', async () => {
  const list = npm(['run', 'cli', '--', '--help'], env);
  expect(await list.exited).toBe(0);
  for (const name of ['call', 'db:migrate', 'db:seed']) expect(list.output()).toContain(name);
  const unknown = npm(['run', 'cli', '--', 'dance'], env);
  expect(await unknown.exited).toBe(1);
  expect(unknown.output()).toContain('Unknown command: dance');
  const noDev = npm(['run', 'cli', '--', 'call', '--say', 'Hello', '--port', '1'], env);
  expect(await noDev.exited).toBe(1);
  expect(noDev.output()).toContain('npm run dev is not running on port 1.');
  const badFlag = npm(['run', 'cli', '--', 'db:seed', '--nonsense'], env);
  expect(await badFlag.exited).toBe(1);
  expect(badFlag.output()).not.toContain('    at ');
});
