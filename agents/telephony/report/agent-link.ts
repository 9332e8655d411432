/** The child's side of the link: one WebSocket to the service, at a Unix socket, for the life of this process. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import {
  fromService,
  readMessage,
  type Claim,
  type FromCallHost,
  type FromService,
  type AgentEvent,
  type ClaimResult,
} from '#src/protocol/messages.ts';

type Init = Extract<FromService, { type: 'init' }>;
/** What the service tells a running call to do. */
export type Command = Extract<FromService, { type: 'say' | 'end' | 'transfer' | 'resume' }>;
/** What the caller is to hear until the verdict comes. */
export type Wait = Readonly<{ kind: 'wait' }> & Pick<Extract<FromService, { type: 'wait' }>, 'text' | 'cachedSpeech'>;

export type AgentLink = {
  init: Init;
  /** Tells the service that this process can take a call. */
  ready: () => void;
  /** Asks for the call of a room. Rejects when the link breaks first, or after `timeoutMs`. After `wait` the verdict may take minutes. */
  claim: (claim: Claim, timeoutMs: number) => Promise<ClaimResult | Wait>;
  /** Settles with the verdict; rejects when the link breaks first. */
  claimResult: Promise<ClaimResult>;
  /** Tells what happened on the call. Without a call (before the verdict, after `ended`, on a broken link) it does nothing. */
  report: (event: AgentEvent) => void;
  /** Takes the commands, those that came before included. There is one taker. */
  onCommand: (take: (command: Command) => void) => void;
  /** Settles when the service has recorded the end, or the link broke. */
  done: Promise<void>;
  /** Aborted when the link broke: the service is gone. */
  lost: AbortSignal;
};

const openTimeoutMs = 5_000;

/**
 * Opens the link: says hello and waits for the welcome.
 * @throws when the service does not answer within 5 s or what it says cannot be read
 */
export const openAgentLink = async (socketPath: string): Promise<AgentLink> => {
  const socket = new WebSocket(`ws+unix:${socketPath}:/`, { handshakeTimeout: openTimeoutMs });
  const state = listen(socket);
  await once(socket, 'open', { signal: AbortSignal.timeout(openTimeoutMs) });
  const send = (message: FromCallHost) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  send({ type: 'hello', pid: process.pid });
  const welcome = await within(openTimeoutMs, state.welcome.promise, 'the service sent no welcome');
  return {
    init: welcome,
    ready: () => send({ type: 'ready' }),
    claim: (claim, timeoutMs) => {
      send({ type: 'claim', claim });
      return within(timeoutMs, Promise.race([state.verdict, state.wait]), 'the service gave no verdict');
    },
    claimResult: state.verdict,
    report: (event) => {
      if (!state.hasCall()) return;
      if (event.kind === 'ended') state.endCall();
      send({ type: 'agent_event', event });
    },
    onCommand: state.onCommand,
    done: state.farewell.promise,
    lost: state.lost,
  };
};

const listen = (socket: WebSocket) => {
  const welcome = Promise.withResolvers<Init>();
  const wait = Promise.withResolvers<Wait>();
  const verdict = Promise.withResolvers<ClaimResult>();
  const farewell = Promise.withResolvers<void>();
  const lost = new AbortController();
  const commands = openMailbox();
  let onCall = false;
  socket.on('message', (data: Buffer) => {
    const message = readMessage(fromService, data.toString('utf8'));
    if (message.type === 'init') welcome.resolve(message);
    else if (message.type === 'wait')
      wait.resolve({ kind: 'wait', text: message.text, cachedSpeech: message.cachedSpeech });
    else if (message.type === 'claim_result') {
      onCall = message.result.kind === 'job';
      verdict.resolve(message.result);
    } else if (message.type === 'done') farewell.resolve();
    else commands.put(message);
  });
  const lose = (error: Error) => {
    welcome.reject(error);
    verdict.reject(error);
    farewell.resolve();
    lost.abort(error);
  };
  // Nobody may be waiting for these when the link breaks; `lost` is what tells.
  for (const waited of [welcome, verdict]) waited.promise.catch(() => null);
  socket.on('error', lose);
  socket.on('close', (code) => lose(new Error(`the link to the service closed (${code})`)));
  return {
    welcome,
    wait: wait.promise,
    verdict: verdict.promise,
    farewell,
    lost: lost.signal,
    onCommand: commands.onCommand,
    hasCall: () => onCall,
    endCall: () => void (onCall = false),
  };
};

const openMailbox = () => {
  let take: ((command: Command) => void) | null = null;
  const early: Command[] = [];
  return {
    put: (command: Command) => (take === null ? void early.push(command) : take(command)),
    onCommand: (taker: (command: Command) => void) => {
      take = taker;
      for (const command of early.splice(0)) taker(command);
    },
  };
};

const within = async <T>(timeoutMs: number, promise: Promise<T>, otherwise: string): Promise<T> => {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(otherwise)), timeoutMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
};
