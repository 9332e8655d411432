/** The service's end of the agent link, without a service: it answers claims and records what the call host reports. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer, type WebSocket } from 'ws';
import type { CallJob, ProviderKeys } from '#src/protocol/job.ts';
import {
  fromCallHost,
  readMessage,
  type Claim,
  type FromService,
  type AgentEvent,
  type SpokenTurn,
  type ClaimResult,
} from '#src/protocol/messages.ts';

export type FakeService = AsyncDisposable & {
  path: string;
  /** Whether a call host is ready for a call. */
  ready: () => boolean;
  claims: Claim[];
  agentEvents: AgentEvent[];
  send: (message: FromService) => void;
  /** Breaks every connection, as when the service dies. */
  vanish: () => void;
  /** Waits for the first event of that kind, up to `timeoutMs`. */
  until: <K extends AgentEvent['kind']>(kind: K, timeoutMs?: number) => Promise<Extract<AgentEvent, { kind: K }>>;
  turns: () => SpokenTurn[];
};

export type FakeServiceOptions = {
  providers: ProviderKeys;
  /** The result of a claim; null: none until the test sends it. */
  resultOf: (claim: Claim) => ClaimResult | null;
  /** What the service does when a call ends, before it sends `done`: it deletes the room. */
  onEnded?: (room: string) => Promise<void>;
  onReady?: () => void;
};

/** Opens the fake service on a Unix socket of its own. */
export const openFakeService = async (options: FakeServiceOptions): Promise<FakeService> => {
  const folder = await mkdtemp(join(tmpdir(), 'link-'));
  const path = join(folder, 'link');
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  const state = { claims: [] as Claim[], agentEvents: [] as AgentEvent[], ready: 0, active: null as WebSocket | null };
  const send = (socket: WebSocket | null, message: FromService) => socket?.send(JSON.stringify(message));
  sockets.on('connection', (socket) => {
    let room = '';
    socket.on('message', (data: Buffer) => {
      const message = readMessage(fromCallHost, data.toString('utf8'));
      if (message.type === 'hello') {
        send(socket, {
          type: 'init',
          providers: options.providers,
          log: { level: process.env['TRIAL_LOG'] ?? 'warn', pii: true },
          warmUpJob: jobOf(),
        });
      } else if (message.type === 'ready') {
        state.ready += 1;
        options.onReady?.();
      } else if (message.type === 'claim') {
        room = message.claim.room;
        state.active = socket;
        state.claims.push(message.claim);
        const result = options.resultOf(message.claim);
        if (result !== null) send(socket, { type: 'claim_result', result });
      } else {
        state.agentEvents.push(message.event);
        if (message.event.kind !== 'ended') return;
        const sendDone = () => send(socket, { type: 'done' });
        void Promise.resolve(options.onEnded?.(room)).then(sendDone, sendDone);
      }
    });
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    path,
    ready: () => state.ready > 0,
    claims: state.claims,
    agentEvents: state.agentEvents,
    send: (message) => send(state.active, message),
    vanish: () => sockets.clients.forEach((socket) => socket.terminate()),
    until: (kind, timeoutMs = 20_000) => waitFor(state.agentEvents, kind, timeoutMs),
    turns: () => state.agentEvents.flatMap((event) => (event.kind === 'turn' ? [event.turn] : [])),
    [Symbol.asyncDispose]: async () => {
      sockets.clients.forEach((socket) => socket.terminate());
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const waitFor = async <K extends AgentEvent['kind']>(
  agentEvents: AgentEvent[],
  kind: K,
  timeoutMs: number,
): Promise<Extract<AgentEvent, { kind: K }>> => {
  for (const until = Date.now() + timeoutMs; Date.now() < until; await sleep(10)) {
    const found = agentEvents.find((event): event is Extract<AgentEvent, { kind: K }> => event.kind === kind);
    if (found !== undefined) return found;
  }
  throw new Error(`no ${kind} within ${timeoutMs} ms; reported: ${JSON.stringify(agentEvents)}`);
};

/** A job as the service builds it, with the fields of `more` replaced. */
export const jobOf = (more: Partial<CallJob> = {}): CallJob => ({
  callId: 'call-1',
  attempt: 1,
  purpose: 'converse',
  room: 'room-1',
  agentName: 'telephony-agent',
  caller: { identity: 'caller', number: '+15551234567', name: null },
  instructions: 'You answer the phone of Bright Smile Dental.',
  firstSpeaker: 'agent',
  greeting: 'Hello! This is your AI assistant. How can I help you?',
  language: 'en-US',
  stt: { model: 'nova-3' },
  llm: { model: 'gpt-4.1-mini', secondModel: null, temperature: null },
  tts: { provider: 'openai', model: 'tts-1', voice: 'alloy', rate: 1 },
  vad: 'bundled',
  endpointingFactor: 1,
  greetingGuardMs: 0,
  limits: {
    noInputPromptMs: 10_000,
    noInputGoodbyeMs: 30_000,
    waitRequestMs: 60_000,
    maxCallMs: 600_000,
    activeTimeoutMs: 10_000,
  },
  systemMessages: {
    noInput: 'Are you still there?',
    goodbye: 'Goodbye!',
    timeLimit: 'We have to stop here. Goodbye!',
    announcement: 'All our lines are busy. Please call again later.',
    apology: 'Sorry, could you say that again?',
    farewell: 'Something is wrong here. Goodbye.',
    afterRecovery: 'Sorry, we were cut off. Please go on.',
    filler: 'Just a moment.',
    disclosure: '',
    transfer: 'I am connecting you.',
    transferFailed: 'Nobody answers. What else can I do?',
  },
  destinations: [],
  fallback: null,
  cachedSpeech: {},
  history: [],
  firstTurnSeq: 1,
  ...more,
});
