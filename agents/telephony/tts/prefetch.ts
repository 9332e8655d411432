/** Runs several streams a little ahead of their consumer, and hands their items over in order. */

export type Prefetch<Of, Item> = AsyncDisposable & {
  add: (of: Of) => void;
  /** No more will be added. */
  end: () => void;
  inOrder: AsyncIterable<{ of: Of; items: AsyncIterable<Item> }>;
};

/**
 * Opens a prefetch: `start` is called for what was added, in order, with at most `atOnce` streams running at a time; what they
 * yield waits in memory. A stream's error is thrown to who iterates over its items, never left unhandled. Disposing waits for
 * the streams that run; who wants them to end early aborts them.
 */
export const openPrefetch = <Of, Item>(atOnce: number, start: (of: Of) => AsyncIterable<Item>): Prefetch<Of, Item> => {
  const order = openQueue<{ of: Of; items: AsyncIterable<Item> }>();
  const waiting: (() => void)[] = [];
  const running = new Set<Promise<void>>();
  const next = () => {
    if (running.size < atOnce) waiting.shift()?.();
  };
  const run = async (of: Of, items: Queue<Item>): Promise<void> => {
    try {
      for await (const item of start(of)) items.put(item);
      items.end();
    } catch (error) {
      items.fail(error);
    }
  };
  return {
    add: (of) => {
      const items = openQueue<Item>();
      order.put({ of, items });
      waiting.push(() => {
        const done: Promise<void> = run(of, items).finally(() => {
          running.delete(done);
          next();
        });
        running.add(done);
      });
      next();
    },
    end: order.end,
    inOrder: order,
    [Symbol.asyncDispose]: async () => {
      waiting.length = 0;
      await Promise.all(running);
    },
  };
};

type Queue<T> = AsyncIterable<T> & { put: (item: T) => void; end: () => void; fail: (error: unknown) => void };

const openQueue = <T>(): Queue<T> => {
  const items: T[] = [];
  let over: { error: unknown } | 'ended' | null = null;
  let wake = Promise.withResolvers<void>();
  const ring = () => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  return {
    put: (item) => {
      items.push(item);
      ring();
    },
    end: () => {
      over ??= 'ended';
      ring();
    },
    fail: (error) => {
      over ??= { error };
      ring();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (items.length > 0) yield items.shift() as T;
        if (over === 'ended') return;
        if (over !== null) throw over.error;
        await wake.promise;
      }
    },
  };
};
