/**
 * A simulated caller in a process of its own, for what a caller can't do to itself: vanish. Frozen, it sends no packet and no
 * goodbye, and its sockets stay open, as when a network goes away.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { CallerError } from './caller-error.ts';
import { closeRtc, dial, type CallEnd, type Caller, type DialOptions, type Said } from './caller.ts';

/** What can be asked of a caller elsewhere: everything that goes over a wire. */
type Asks = {
  dial: (options: DialOptions) => Promise<Caller['call']>;
  whenActive: (timeoutMs: number) => Promise<number>;
  say: (words: Int16Array | string) => Promise<Said>;
  whenAgentSpeaks: (options: { timeoutMs: number; since?: number }) => Promise<number>;
  whenAgentQuiet: (options: { quietMs: number; timeoutMs: number }) => Promise<number>;
  whenEnded: () => Promise<CallEnd>;
  hangUp: () => Promise<void>;
};
type Ask = { id: number; name: keyof Asks; given: unknown };
type Reply = { id: number; value: unknown } | { id: number; failed: string };

export type ProcessCaller = Omit<Asks, 'dial'> &
  AsyncDisposable & {
    call: Caller['call'];
    pid: number;
    /** Its network is gone: nothing comes from it any more, and nothing says so. */
    loseNetwork: () => void;
    /** Its network is back. */
    restoreNetwork: () => void;
  };

/** The child's side: does what it is told until its parent is gone. */
export const serveCaller = async (): Promise<void> => {
  let caller: Caller | null = null;
  const answer = async ({ name, given }: Ask): Promise<unknown> => {
    if (name !== 'dial') return (caller?.[name] as ((given: unknown) => Promise<unknown>) | undefined)?.(given);
    caller = await dial(given as DialOptions);
    return caller.call;
  };
  process.on('message', (ask: Ask) => {
    answer(ask).then(
      (value) => process.send?.({ id: ask.id, value } satisfies Reply),
      (error: unknown) => process.send?.({ id: ask.id, failed: String(error) } satisfies Reply),
    );
  });
  await once(process, 'disconnect');
  await (caller as Caller | null)?.[Symbol.asyncDispose]();
  await closeRtc();
};

const startProcess = () => {
  const source = `(await import(${JSON.stringify(import.meta.url)})).servePhone()`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
};

/** Asks the child, each question by its number; its end answers all that are open. */
const openQuestions = (child: ChildProcess) => {
  const open = new Map<number, PromiseWithResolvers<unknown>>();
  let asked = 0;
  child.on('message', (reply: Reply) => {
    const question = open.get(reply.id);
    open.delete(reply.id);
    if ('failed' in reply) question?.reject(new CallerError(reply.failed));
    else question?.resolve(reply.value);
  });
  child.once('exit', () => {
    for (const { reject } of open.values()) reject(new CallerError("The caller's process has ended."));
  });
  return <T>(name: keyof Asks, given?: unknown): Promise<T> => {
    const question = Promise.withResolvers<unknown>();
    open.set((asked += 1), question);
    child.send({ id: asked, name, given } satisfies Ask);
    return question.promise as Promise<T>;
  };
};

/** As `dial`, from a process of its own. Disposing ends that process, vanished or not. */
export const dialFromProcess = async (options: DialOptions): Promise<ProcessCaller> => {
  const child = startProcess();
  const exited = once(child, 'exit');
  const ask = openQuestions(child);
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  // Options often come with more in them, such as a whole server: only plain data travels.
  const plain: unknown = JSON.parse(JSON.stringify(options));
  const facts = await ask<Caller['call']>('dial', plain).catch(async (error: unknown) => {
    await kill();
    throw error;
  });
  return {
    call: facts,
    pid: child.pid ?? 0,
    whenActive: (timeoutMs) => ask('whenActive', timeoutMs),
    say: (words) => ask('say', words),
    whenAgentSpeaks: (wish) => ask('whenAgentSpeaks', wish),
    whenAgentQuiet: (wish) => ask('whenAgentQuiet', wish),
    whenEnded: () => ask('whenEnded'),
    hangUp: () => ask('hangUp'),
    loseNetwork: () => void child.kill('SIGSTOP'),
    restoreNetwork: () => void child.kill('SIGCONT'),
    [Symbol.asyncDispose]: kill,
  };
};
