/**
 * A simulated caller in its own process, so that a test can cut it off: a frozen process sends no packets and no goodbye while
 * its sockets stay open, as when a network fails.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { CallerError } from './caller-error.ts';
import { closeRtc, dial, type CallEnd, type Caller, type DialOptions, type Played } from './caller.ts';

/** What can be asked of a caller in another process: its arguments and results can be serialized. */
type Methods = {
  dial: (options: DialOptions) => Promise<Caller['call']>;
  whenActive: (timeoutMs: number) => Promise<number>;
  say: (speech: Int16Array | string) => Promise<Played>;
  whenAgentSpeaks: (options: { timeoutMs: number; since?: number }) => Promise<number>;
  whenAgentQuiet: (options: { quietMs: number; timeoutMs: number }) => Promise<number>;
  whenEnded: () => Promise<CallEnd>;
  hangUp: () => Promise<void>;
};
type Request = { id: number; method: keyof Methods; argument: unknown };
type Response = { id: number; value: unknown } | { id: number; error: string };

type ProcessCaller = Omit<Methods, 'dial'> &
  AsyncDisposable & {
    call: Caller['call'];
    pid: number;
    /** Freezes the process: nothing reaches or leaves it, and nobody is told. */
    loseNetwork: () => void;
    restoreNetwork: () => void;
  };

/** Runs in the child process: handles requests until the parent disconnects. */
export const serveCaller = async (): Promise<void> => {
  let caller: Caller | null = null;
  const handle = async ({ method, argument }: Request): Promise<unknown> => {
    if (method !== 'dial')
      return (caller?.[method] as ((argument: unknown) => Promise<unknown>) | undefined)?.(argument);
    caller = await dial(argument as DialOptions);
    return caller.call;
  };
  process.on('message', (request: Request) => {
    handle(request).then(
      (value) => process.send?.({ id: request.id, value } satisfies Response),
      (error: unknown) => process.send?.({ id: request.id, error: String(error) } satisfies Response),
    );
  });
  await once(process, 'disconnect');
  await (caller as Caller | null)?.[Symbol.asyncDispose]();
  await closeRtc();
};

const startProcess = () => {
  const source = `(await import(${JSON.stringify(import.meta.url)})).serveCaller()`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
};

/** Sends requests to the child; all that are open are rejected when it exits. */
const createRequester = (child: ChildProcess) => {
  const open = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  child.on('message', (response: Response) => {
    const request = open.get(response.id);
    open.delete(response.id);
    if ('error' in response) request?.reject(new CallerError(response.error));
    else request?.resolve(response.value);
  });
  child.once('exit', () => {
    for (const { reject } of open.values()) reject(new CallerError("The caller's process has exited."));
  });
  return <T>(method: keyof Methods, argument?: unknown): Promise<T> => {
    const request = Promise.withResolvers<unknown>();
    open.set((lastId += 1), request);
    child.send({ id: lastId, method, argument } satisfies Request);
    return request.promise as Promise<T>;
  };
};

/** Like `dial`, in a process of its own. Disposing kills the process, frozen or not. */
export const dialFromProcess = async (options: DialOptions): Promise<ProcessCaller> => {
  const child = startProcess();
  const exited = once(child, 'exit');
  const request = createRequester(child);
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  // Callers may pass an object with more in it, such as a whole server; only plain data can be sent.
  const plain: unknown = JSON.parse(JSON.stringify(options));
  const call = await request<Caller['call']>('dial', plain).catch(async (error: unknown) => {
    await kill();
    throw error;
  });
  return {
    call,
    pid: child.pid ?? 0,
    whenActive: (timeoutMs) => request('whenActive', timeoutMs),
    say: (speech) => request('say', speech),
    whenAgentSpeaks: (options) => request('whenAgentSpeaks', options),
    whenAgentQuiet: (options) => request('whenAgentQuiet', options),
    whenEnded: () => request('whenEnded'),
    hangUp: () => request('hangUp'),
    loseNetwork: () => void child.kill('SIGSTOP'),
    restoreNetwork: () => void child.kill('SIGCONT'),
    [Symbol.asyncDispose]: kill,
  };
};
