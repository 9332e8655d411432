import { fastify, type FastifyInstance } from 'fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentDispatchClient, RoomServiceClient } from 'livekit-server-sdk';
import { pino } from 'pino';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { errorHandler } from '#src/http/conventions/errors.ts';
import { callPage } from '#src/local/call-page/call-page.ts';
import { nowMs } from '#src/simulators/caller/caller.ts';
import { obtainLivekitServer, startLivekitServer, type LivekitServer } from '#src/local/livekit/server.ts';
import { obtainChromium } from '#test/support/chromium.ts';
import { callerIn, joinAsAgent, tone } from './stand-in-agent.ts';

const number = '+18588796658';
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
const quiet = ['--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream'];

let server: LivekitServer;
let rooms: RoomServiceClient;
let app: FastifyInstance;
let origin: string;
let browser: Browser;
let executablePath: string;

beforeAll(async () => {
  server = await startLivekitServer({ binary: await obtainLivekitServer({ env: process.env, progress: () => {} }) });
  rooms = new RoomServiceClient(server.httpUrl, server.apiKey, server.apiSecret);
  app = fastify();
  app.setErrorHandler(errorHandler(pino({ level: 'silent' })));
  await app.register(callPage({ livekit: server, agentName: 'telephony-agent', number, isSttSimulated: true }));
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  origin = address.replace('127.0.0.1', 'localhost');
  executablePath = await obtainChromium(() => {});
  browser = await launch(['--use-fake-ui-for-media-stream']);
}, 300_000);

afterAll(async () => {
  await browser.close();
  await app.close();
  await server[Symbol.asyncDispose]();
});

afterEach(async () => {
  for (const room of await rooms.listRooms()) await rooms.deleteRoom(room.name);
});

const launch = (more: string[]): Promise<Browser> =>
  chromium.launch({ executablePath, args: [...flags, ...quiet, ...more] });

/** Opens the page in its own window; any browser error fails the test. */
const openPage = async (options: { in?: Browser; width?: number; height?: number } = {}) => {
  const { width = 1000, height = 760 } = options;
  const page = await (options.in ?? browser).newPage({
    viewport: { width, height },
    colorScheme: width < 500 ? 'dark' : 'light',
  });
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  onTestFinished(async () => {
    await page.close();
    expect(errors).toEqual([]);
  });
  await page.goto(`${origin}/call`);
  return page;
};

const status = (page: Page) => page.locator('#status').textContent();
const state = (page: Page) => page.evaluate<string>('document.body.dataset.state');
const shot = (page: Page, name: string) => page.screenshot({ path: `test-results/call-page-${name}.png` });

const loud = 0.02;

/** The loudest RMS that the page plays, within four seconds, or as soon as it is loud. What runs in the page is text: these files know no DOM. */
const loudness = (page: Page): Promise<number> =>
  page.evaluate<number>(`(async () => {
    const player = document.querySelector('audio');
    if (player === null || player.paused) return 0;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(player.srcObject).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let loudest = 0;
    for (const until = performance.now() + 4000; loudest <= ${loud} && performance.now() < until; await new Promise(requestAnimationFrame)) {
      analyser.getFloatTimeDomainData(samples);
      loudest = Math.max(loudest, Math.hypot(...samples) / Math.sqrt(samples.length));
    }
    await context.close();
    return loudest;
  })()`);

const linesOf = (page: Page): Promise<string[][]> =>
  page.evaluate<string[][]>(
    `[...document.querySelectorAll('#transcript li')].map((line) => [line.className, line.textContent])`,
  );

const answerCallOf = async (page: Page) => {
  await page.getByRole('button', { name: 'Call' }).click();
  await expect.poll(async () => (await rooms.listRooms()).length, { timeout: 10_000 }).toBe(1);
  const [room] = await rooms.listRooms();
  const agent = await joinAsAgent(server, room?.name ?? '');
  onTestFinished(() => agent[Symbol.asyncDispose]());
  await expect.poll(() => callerIn(agent)?.trackPublications.size, { timeout: 10_000 }).toBe(1);
  return agent;
};

test('a call rings as a SIP caller, is answered, carries audio both ways and shows the transcript', async () => {
  const page = await openPage();
  await shot(page, 'idle');
  const agent = await answerCallOf(page);
  expect(await state(page)).toBe('ringing');
  const caller = callerIn(agent);
  expect(caller?.attributes).toMatchObject({ 'sip.callStatus': 'ringing', 'sip.trunkPhoneNumber': number });
  expect(caller?.info.kind).toBe(3);
  await shot(page, 'ringing');
  await agent.publish();
  await expect.poll(() => agent.callStatus, { timeout: 10_000 }).toEqual(['active']);
  await expect.poll(() => status(page)).toBe('Connected');
  // Chromium's fake microphone beeps.
  await expect.poll(() => agent.audioIn.lastSpeech(), { timeout: 10_000 }).not.toBeNull();
  const speaking = agent.audioOut.play(tone(5_000));
  expect(await loudness(page)).toBeGreaterThan(loud);
  speaking.stop();
  await speaking.done;
  await agent.transcribe(
    agent.room.localParticipant?.identity ?? '',
    's1',
    'Hello! This is your AI assistant. How can I help you?',
    true,
  );
  await agent.transcribe(caller?.identity ?? '', 's2', 'What are', false);
  await agent.transcribe(caller?.identity ?? '', 's2', 'What are your opening hours?', true);
  await expect
    .poll(() => linesOf(page))
    .toEqual([
      ['agent', 'Hello! This is your AI assistant. How can I help you?'],
      ['caller', 'What are your opening hours?'],
    ]);
  await shot(page, 'connected');
  await page.getByRole('button', { name: 'Hang up' }).click();
  expect(await status(page)).toBe('You hung up');
  await expect.poll(() => callerIn(agent), { timeout: 3_000 }).toBeUndefined();
});

test('muting silences the caller; the agent can hang up', async () => {
  const page = await openPage();
  const agent = await answerCallOf(page);
  await agent.publish();
  await expect.poll(() => status(page), { timeout: 10_000 }).toBe('Connected');
  await expect.poll(() => agent.audioIn.lastSpeech(), { timeout: 10_000 }).not.toBeNull();
  await page.getByRole('button', { name: 'Mute' }).click();
  await expect.poll(() => page.getByRole('button', { name: 'Unmute' }).getAttribute('aria-pressed')).toBe('true');
  await sleep(700);
  const mutedAt = nowMs();
  await sleep(2_500);
  expect(agent.audioIn.firstSpeechSince(mutedAt)).toBeNull();
  await page.getByRole('button', { name: 'Unmute' }).click();
  await expect.poll(() => agent.audioIn.firstSpeechSince(mutedAt), { timeout: 5_000 }).not.toBeNull();
  await rooms.deleteRoom(agent.room.name ?? '');
  await expect.poll(() => status(page)).toBe('The agent hung up');
  expect(await state(page)).toBe('ended');
  await expect.poll(() => page.locator('audio').count()).toBe(0);
});

test('the page works by keyboard and fits a phone', async () => {
  const page = await openPage({ width: 360, height: 640 });
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  expect(await page.evaluate<string>('document.activeElement.id')).toBe('call');
  await page.keyboard.press('Enter');
  await expect.poll(() => status(page), { timeout: 10_000 }).toBe('Ringing…');
  const size = '[document.documentElement.scrollWidth, document.documentElement.scrollHeight]';
  expect(await page.evaluate<number[]>(size)).toEqual([360, 640]);
  await shot(page, 'phone');
  await page.keyboard.press('Space');
  await expect.poll(() => status(page)).toBe('You hung up');
});

test('a blocked or missing microphone is explained', async () => {
  await using blocking = await disposable(
    chromium.launch({ executablePath, args: [...flags, ...quiet, '--deny-permission-prompts'] }),
  );
  const page = await openPage({ in: blocking.browser });
  await page.getByRole('button', { name: 'Call' }).click();
  await expect.poll(() => page.getByRole('alert').textContent()).toContain('Microphone access is blocked');
  await shot(page, 'blocked');
  await page.close();
  const args = [...flags, '--use-fake-ui-for-media-stream'];
  await using deaf = await disposable(chromium.launch({ executablePath, args }));
  const other = await openPage({ in: deaf.browser });
  await other.getByRole('button', { name: 'Call' }).click();
  await expect.poll(() => other.getByRole('alert').textContent()).toContain('No microphone found');
  expect(await state(other)).toBe('error');
});

const disposable = async (launched: Promise<Browser>) => {
  const launchedBrowser = await launched;
  return { browser: launchedBrowser, [Symbol.asyncDispose]: () => launchedBrowser.close() };
};

test('only this page gets a token, with a SIP room that the agent is dispatched to', async () => {
  const local = { host: 'localhost:3000' };
  const asked = await app.inject({
    method: 'POST',
    url: '/call/token',
    headers: { ...local, origin: 'http://localhost:3000' },
  });
  expect(asked.json()).toMatchObject({ url: server.url, room: expect.stringMatching(/^sip-room-/) as string });
  const { room } = asked.json<{ room: string }>();
  const dispatches = await new AgentDispatchClient(server.httpUrl, server.apiKey, server.apiSecret).listDispatch(room);
  expect(dispatches.map(({ agentName }) => agentName)).toContain('telephony-agent');
  const strangers = [
    { headers: { ...local, origin: 'https://evil.example' } },
    { headers: { host: 'evil.example:3000', origin: 'http://evil.example:3000' } },
    { headers: local, remoteAddress: '192.0.2.7' },
  ];
  for (const stranger of strangers) {
    const refused = await app.inject({ method: 'POST', url: '/call/token', ...stranger });
    expect(refused.statusCode).toBe(401);
  }
  expect((await app.inject({ url: '/call', headers: { host: 'evil.example' } })).statusCode).toBe(401);
  const page = await app.inject({ url: '/call', headers: local });
  expect(page.body).not.toMatch(/https?:\/\/(?!localhost)/);
  expect(page.headers['content-security-policy']).toContain("script-src 'self';");
});
