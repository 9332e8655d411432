/** The Twilio client over real HTTP: paging, credentials, and the messages for failed requests. */
import { expect, onTestFinished, test } from 'vitest';
import { AppError } from '#src/errors.ts';
import { openTwilio } from '#src/twilio/client.ts';
import { startTwilioServer, type Fault, type TwilioServer } from '#test/support/twilio-server.ts';

const start = async (options?: Parameters<typeof startTwilioServer>[0]): Promise<TwilioServer> => {
  const server = await startTwilioServer(options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
};

const clientOf = ({ accountSid, authToken, baseUrl }: TwilioServer, limits?: Parameters<typeof openTwilio>[1]) =>
  openTwilio({ accountSid, authToken, baseUrl }, limits);

const failureOf = async (request: Promise<unknown>): Promise<AppError> => {
  const error: unknown = await request.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof AppError) return error;
  throw error;
};

test('lists the numbers of all pages, translated', async () => {
  const server = await start({ maxPageSize: 3 });
  for (let index = 0; index < 10; index++) server.addNumber(`+1858879660${index}`);
  server.addNumber('+18005550100', { capabilities: { voice: true, SMS: false, MMS: false } });
  server.addNumber('+447700900123', { type: 'mobile', voice_url: null });
  server.addNumber('+18885550101', { type: 'toll-free', trunk_sid: 'TK1', voice_application_sid: 'AP1' });
  const listed = await clientOf(server).listNumbers();
  expect(listed.map(({ sid }) => sid)).toEqual(server.numbers.map(({ sid }) => sid));
  expect(server.requests).toHaveLength(5);
  expect(listed[0]).toEqual({
    sid: 'PN00000000000000000000000000000001',
    number: '+18588796600',
    type: 'LOCAL',
    capabilities: { voice: true, sms: true, mms: true, fax: false },
    trunkSid: null,
    voiceUrl: 'https://demo.twilio.com/welcome/voice/',
    voiceApplicationSid: null,
    purchasedAt: new Date('2025-10-07T15:30:00Z'),
  });
  expect(listed.slice(10)).toMatchObject([
    { type: 'TOLL_FREE', capabilities: { voice: true, sms: false, mms: false, fax: false } },
    { type: 'MOBILE', voiceUrl: '' },
    { type: 'TOLL_FREE', trunkSid: 'TK1', voiceApplicationSid: 'AP1' },
  ]);
});

test("follows page URLs, which contain Twilio's own address, on the configured address", async () => {
  const server = await start({ maxPageSize: 2 });
  for (let index = 0; index < 7; index++) server.addTrunk(`Trunk ${index}`);
  const trunk = server.trunks[3]!;
  for (let index = 0; index < 5; index++) server.addOrigination(trunk, `sip:${index}.example.com`);
  const client = clientOf(server);
  expect(await client.listTrunks()).toEqual(server.trunks.map(({ sid, friendly_name: name }) => ({ sid, name })));
  expect((await client.listOriginations(trunk.sid)).map(({ sipUri }) => sipUri)).toHaveLength(5);
  expect(server.requests).toHaveLength(4 + 3);
});

test('an empty account', async () => {
  const client = clientOf(await start());
  expect([await client.listNumbers(), await client.listTrunks()]).toEqual([[], []]);
});

test('a wrong token: the message names the variables, not the token', async () => {
  const server = await start();
  const client = openTwilio({ accountSid: server.accountSid, authToken: 'wrong', baseUrl: server.baseUrl });
  const error = await failureOf(client.listNumbers());
  expect(error.code).toBe('twilio_refused');
  expect(error.message).toMatch(/TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.*401, https:.*20003/);
  expect(error.message).not.toContain('wrong');
});

test("unknown resources are named; phone numbers in Twilio's messages are not repeated", async () => {
  const server = await start();
  const number = server.addNumber('+18588796658');
  const client = clientOf(server);
  expect(await failureOf(client.listOriginations('TKnone'))).toMatchObject({
    code: 'twilio_refused',
    message: expect.stringMatching(/origination URLs of trunk TKnone.*404/) as string,
  });
  const refused = await failureOf(client.attachNumber(number.sid, 'TKnone'));
  expect(refused).toMatchObject({ code: 'twilio_refused' });
  expect(refused.message).toMatch(/400, https:\/\/www.twilio.com\/docs\/errors\/21609/);
  expect(refused.message).not.toContain('+1858');
});

test('"too many requests" is retried after the time that Twilio states, for reads and writes', async () => {
  const server = await start({ maxPageSize: 2 });
  for (let index = 0; index < 5; index++) server.addNumber(`+1858879660${index}`);
  server.faults = [
    { status: 429, headers: { 'Retry-After': '1' } },
    { status: 429, headers: { 'Retry-After': '0' } },
  ];
  const client = clientOf(server);
  const begin = performance.now();
  expect(await client.listNumbers()).toHaveLength(5);
  expect(performance.now() - begin).toBeGreaterThanOrEqual(990);
  server.faults = [{ status: 429, headers: { 'Retry-After': new Date().toUTCString() } }];
  await client.createTrunk('A');
  expect(server.trunks).toHaveLength(1);
});

test('"too many requests": retries and waiting time are limited', async () => {
  const server = await start();
  const busy: Fault = { status: 429, headers: { 'Retry-After': '0' } };
  server.faults = Array<Fault>(10).fill(busy);
  expect(await failureOf(clientOf(server, { maxRetries: 2 }).listNumbers())).toMatchObject({
    code: 'twilio_unavailable',
    message: expect.stringContaining('too many requests') as string,
  });
  expect(server.requests).toHaveLength(3);
  server.faults = [{ status: 429, headers: { 'Retry-After': '3600' } }];
  expect((await failureOf(clientOf(server).listNumbers())).message).toContain('429');
  expect(server.requests).toHaveLength(4);
});

test.each([
  [{ status: 500, body: '{"code":20500,"message":"Internal Server Error","status":500}' }, /500, .*20500/],
  [{ status: 503, body: '<html>Service Unavailable</html>' }, /https:\/\/status\.twilio\.com.*\(503\)/],
  [{ status: 200, body: '<html>Please log in</html>' }, /not JSON.*TWILIO_BASE_URL/],
  [{ breaks: true }, /Twilio is unreachable/],
] as const)('%j: the message explains it', async (fault, sentence) => {
  const server = await start();
  server.faults = [fault, fault];
  const client = clientOf(server);
  for (const request of [() => client.listNumbers(), () => client.createTrunk('A')]) {
    expect(await failureOf(request())).toMatchObject({
      code: 'twilio_unavailable',
      message: expect.stringMatching(sentence) as string,
    });
  }
  expect(server.writes).toEqual([]);
});

test('no response within the time limit', async () => {
  const server = await start();
  server.faults = [{ hangs: true }];
  const error = await failureOf(clientOf(server, { timeoutMs: 200 }).listNumbers());
  expect(error).toMatchObject({
    code: 'twilio_unavailable',
    message: expect.stringContaining('within 0.2 s') as string,
  });
});

test('an unreachable server: the message states the reason', async () => {
  const server = await start();
  await server[Symbol.asyncDispose]();
  const error = await failureOf(clientOf(server).listNumbers());
  expect(error.message).toMatch(/Cannot list the numbers: Twilio is unreachable.*ECONNREFUSED/);
});
