/** The call host's end of the agent link: a WebSocket to the service over a Unix socket, open as long as this process lives. */
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
import { withTimeLimit } from '#src/time-limit.ts';

type Init = Extract<FromService, { type: 'init' }>;
/** What the service wants a running call to do. */
export type Command = Extract<FromService, { type: 'say' | 'end' | 'transfer' | 'resume' }>;
/** The claim takes longer: what the caller hears until its result arrives. */
export type Wait = Readonly<{ kind: 'wait' }> & Pick<Extract<FromService, { type: 'wait' }>, 'text' | 'cachedSpeech'>;

export type AgentLink = {
  init: Init;
  /** Tells the service that this process can take a call. */
  ready: () => void;
  /** Claims the call of a room. Rejects if the link breaks, or after `timeoutMs`. After `wait`, the result may take minutes. */
  claim: (claim: Claim, timeoutMs: number) => Promise<ClaimResult | Wait>;
  /** The result of the claim. Rejects if the link breaks. */
  claimResult: Promise<ClaimResult>;
  /** Reports an event of the call. Does nothing without a call: before the claim result, after `ended`, on a broken link. */
  report: (event: AgentEvent) => void;
  /** Sets the one handler of commands; it also gets those that came earlier. */
  onCommand: (take: (command: Command) => void) => void;
  /** Resolves when the service has recorded the end, or the link has broken. */
  done: Promise<void>;
  /** Aborted when the link breaks, which means that the service is gone. */
  lost: AbortSignal;
};

const openTimeoutMs = 5_000;

/**
 * Opens the link: sends `hello` and waits for `init`.
 * @throws if the service doesn't answer within 5 s
 */
export const openAgentLink = async (socketPath: string): Promise<AgentLink> => {
  const socket = new WebSocket(`ws+unix:${socketPath}:/`, { handshakeTimeout: openTimeoutMs });
  const state = listen(socket);
  await once(socket, 'open', { signal: AbortSignal.timeout(openTimeoutMs) });
  const send = (message: FromCallHost) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  send({ type: 'hello', pid: process.pid });
  const init = await withTimeLimit(openTimeoutMs, state.init, () => new Error('the service sent no init message'));
  return {
    init,
    ready: () => send({ type: 'ready' }),
    claim: (claim, timeoutMs) => {
      send({ type: 'claim', claim });
      const answer = Promise.race([state.claimResult, state.wait]);
      return withTimeLimit(timeoutMs, answer, () => new Error('the service did not answer the claim'));
    },
    claimResult: state.claimResult,
    report: (event) => {
      if (!state.hasCall()) return;
      if (event.kind === 'ended') state.endCall();
      send({ type: 'agent_event', event });
    },
    onCommand: state.onCommand,
    done: state.done,
    lost: state.lost,
  };
};

const listen = (socket: WebSocket) => {
  const init = Promise.withResolvers<Init>();
  const wait = Promise.withResolvers<Wait>();
  const claimResult = Promise.withResolvers<ClaimResult>();
  const done = Promise.withResolvers<void>();
  const lost = new AbortController();
  const commands = openMailbox();
  let hasCall = false;
  socket.on('message', (data: Buffer) => {
    const message = readMessage(fromService, data.toString('utf8'));
    if (message.type === 'init') init.resolve(message);
    else if (message.type === 'wait')
      wait.resolve({ kind: 'wait', text: message.text, cachedSpeech: message.cachedSpeech });
    else if (message.type === 'claim_result') {
      hasCall = message.result.kind === 'job';
      claimResult.resolve(message.result);
    } else if (message.type === 'done') done.resolve();
    else commands.put(message);
  });
  const lose = (error: Error) => {
    init.reject(error);
    claimResult.reject(error);
    done.resolve();
    lost.abort(error);
  };
  // Not every one of these is awaited when the link breaks; `lost` is how the owner learns of it.
  for (const { promise } of [init, claimResult]) promise.catch(() => null);
  socket.on('error', lose);
  socket.on('close', (code) => lose(new Error(`the link to the service closed (${code})`)));
  return {
    init: init.promise,
    wait: wait.promise,
    claimResult: claimResult.promise,
    done: done.promise,
    lost: lost.signal,
    onCommand: commands.onCommand,
    hasCall: () => hasCall,
    endCall: () => void (hasCall = false),
  };
};

const openMailbox = () => {
  let take: ((command: Command) => void) | null = null;
  const early: Command[] = [];
  return {
    put: (command: Command) => (take === null ? void early.push(command) : take(command)),
    onCommand: (handle: (command: Command) => void) => {
      take = handle;
      for (const command of early.splice(0)) handle(command);
    },
  };
};
