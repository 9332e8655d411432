import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { loadConfig, requireCallConfig } from '#src/config.ts';
import { variableNames } from '#src/environment.ts';

const complete = {
  LIVEKIT_URL: 'wss://x.livekit.cloud/',
  LIVEKIT_API_KEY: 'APIkey',
  LIVEKIT_API_SECRET: 'a-secret-of-our-own-that-nobody-knows',
  DEEPGRAM_API_KEY: 'dg',
  OPENAI_API_KEY: 'oa',
};

const problemsOf = (env: Record<string, string>): string[] => {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof Error) return error.message.split('\n');
  }
  return [];
};

describe('loadConfig', () => {
  test('an empty environment is valid and yields the defaults', () => {
    expect(loadConfig({})).toMatchObject({
      port: 3000,
      databaseUrl: 'file:./dev.db',
      defaultCountry: 'US',
      agentName: 'telephony-agent',
      livekit: null,
      twilio: null,
      deepgram: null,
      openai: null,
    });
  });

  test('a group becomes one value; URLs lose their trailing slash', () => {
    const config = loadConfig({
      ...complete,
      DEEPGRAM_BASE_URL: 'http://127.0.0.1:9/v1/listen',
      LIVEKIT_INBOUND_TRUNK_ID: 'ST_1',
    });
    expect(config.livekit).toEqual({
      url: 'wss://x.livekit.cloud',
      apiKey: 'APIkey',
      apiSecret: complete.LIVEKIT_API_SECRET,
      inboundTrunkId: 'ST_1',
      outboundTrunkId: null,
    });
    expect(config.deepgram).toEqual({ apiKey: 'dg', baseUrl: 'ws://127.0.0.1:9' });
    expect(config.openai).toEqual({ apiKey: 'oa', baseUrl: 'https://api.openai.com/v1' });
  });

  test('blank values count as unset', () => {
    expect(loadConfig({ PORT: ' ', LIVEKIT_URL: '', TWILIO_ACCOUNT_SID: '  ' })).toMatchObject({
      port: 3000,
      livekit: null,
    });
  });

  test('every problem is reported at once, each in a sentence that names the variable', () => {
    const problems = problemsOf({
      PORT: 'eighty',
      DATABASE_URL: 'mysql://x',
      LIVEKIT_URL: 'wss://x',
      TWILIO_AUTH_TOKEN: 't',
    });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'PORT',
      'DATABASE_URL',
      'LIVEKIT_API_KEY',
      'LIVEKIT_API_SECRET',
      'TWILIO_ACCOUNT_SID',
    ]);
    expect(problems[2]).toBe("LIVEKIT_API_KEY is required with LIVEKIT_URL: set it to your LiveKit project's API key.");
  });

  test.each([
    [{ LIVEKIT_URL: 'not an address' }, 'LIVEKIT_URL'],
    [{ DEEPGRAM_BASE_URL: 'ws://x' }, 'DEEPGRAM_API_KEY'],
    [{ LIVEKIT_INBOUND_TRUNK_ID: 'ST_1' }, 'LIVEKIT_URL'],
    [{ DEFAULT_COUNTRY: 'Atlantis' }, 'DEFAULT_COUNTRY'],
    [{ MAX_CALLS: '0' }, 'MAX_CALLS'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL'],
    [{ LIVEKIT_SIP_URI: 'https://x.livekit.cloud' }, 'LIVEKIT_SIP_URI'],
    [{ LIVEKIT_SIP_URI: 'sips:x.sip.livekit.cloud' }, 'LIVEKIT_SIP_URI'],
    [{ TWILIO_ACCOUNT_SID: 'SK1', TWILIO_AUTH_TOKEN: 't' }, 'TWILIO_ACCOUNT_SID'],
    [{ TWILIO_BASE_URL: 'http://127.0.0.1:9' }, 'TWILIO_AUTH_TOKEN'],
    [{ LOG_PII: 'maybe' }, 'LOG_PII'],
    [{ PORT: '70000' }, 'PORT'],
  ])('%j is refused, naming %s', (env, name) => {
    expect(problemsOf(env).join('\n')).toContain(name);
  });

  test("production refuses missing LiveKit credentials, LiveKit's development secret, and local mode", () => {
    const production = { NODE_ENV: 'production' };
    expect(problemsOf(production).join()).toMatch(/LIVEKIT_URL.*LIVEKIT_API_KEY.*LIVEKIT_API_SECRET/);
    expect(problemsOf({ ...production, ...complete, LIVEKIT_API_SECRET: 'secret' }).join()).toContain(
      'development secret',
    );
    expect(problemsOf({ ...production, ...complete, LOCAL_MODE: '1' }).join()).toContain('LOCAL_MODE');
    expect(problemsOf({ ...production, ...complete })).toEqual([]);
  });

  test('JWT_SECRET is long, or absent: then each run generates its own', () => {
    expect(problemsOf({ JWT_SECRET: 'short' })).toEqual([
      'JWT_SECRET must be at least 32 characters long; `openssl rand -base64 48` generates one.',
    ]);
    const production = { ...complete, NODE_ENV: 'production' };
    const secret = 'a-secret-of-our-own-that-nobody-knows';
    expect(requireCallConfig(loadConfig({ ...production, JWT_SECRET: secret })).api.jwtSecret).toBe(secret);
    expect(requireCallConfig(loadConfig(complete)).api.jwtSecret).toBeNull();
  });

  test('CORS_ORIGINS is a list of origins', () => {
    expect(loadConfig({ CORS_ORIGINS: 'https://a.example, http://localhost:5173' }).api.corsOrigins).toEqual([
      'https://a.example',
      'http://localhost:5173',
    ]);
    expect(loadConfig({}).api.corsOrigins).toEqual([]);
    for (const wrong of ['*', 'a.example', 'https://a.example/'])
      expect(problemsOf({ CORS_ORIGINS: wrong }).join()).toContain('CORS_ORIGINS');
  });
});

describe('requireCallConfig', () => {
  test('names everything that is needed to answer calls', () => {
    expect(() => requireCallConfig(loadConfig({}))).toThrow(
      /LIVEKIT_URL[^]*LIVEKIT_API_KEY[^]*LIVEKIT_API_SECRET[^]*DEEPGRAM_API_KEY[^]*OPENAI_API_KEY/,
    );
    expect(requireCallConfig(loadConfig(complete)).livekit.apiKey).toBe('APIkey');
  });
});

test('.env.example documents every variable, and no other', async () => {
  const text = await readFile('.env.example', 'utf8');
  const named = [...text.matchAll(/^#? ?([A-Z][A-Z_]+)=/gm)].map(([, name]) => name);
  const own = variableNames.filter((name) => name !== 'LOCAL_MODE');
  expect(named.toSorted()).toEqual(own.toSorted());
});
