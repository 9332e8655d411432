/** Runs several streams a little ahead of their consumer, who gets their items in order. */

export type Prefetch<Source, Item> = AsyncDisposable & {
  add: (source: Source) => void;
  /** To be called when nothing more will be added. */
  end: () => void;
  inOrder: AsyncIterable<{ source: Source; items: AsyncIterable<Item> }>;
};

/**
 * Opens a prefetch. `start` is called for each source in order; at most `atOnce` streams run at a time, and their items are buffered in
 * memory. A stream's error is thrown to the consumer of its items. Disposing waits for running streams but doesn't abort them.
 */
export const openPrefetch = <Source, Item>(
  atOnce: number,
  start: (source: Source) => AsyncIterable<Item>,
): Prefetch<Source, Item> => {
  const order = openQueue<{ source: Source; items: AsyncIterable<Item> }>();
  const waiting: (() => void)[] = [];
  const running = new Set<Promise<void>>();
  const next = () => {
    if (running.size < atOnce) waiting.shift()?.();
  };
  const run = async (source: Source, items: Queue<Item>): Promise<void> => {
    try {
      for await (const item of start(source)) items.put(item);
      items.end();
    } catch (error) {
      items.fail(error);
    }
  };
  return {
    add: (source) => {
      const items = openQueue<Item>();
      order.put({ source, items });
      waiting.push(() => {
        const done: Promise<void> = run(source, items).finally(() => {
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
  let end: { error: unknown } | 'ended' | null = null;
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
      end ??= 'ended';
      ring();
    },
    fail: (error) => {
      end ??= { error };
      ring();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (items.length > 0) yield items.shift() as T;
        if (end === 'ended') return;
        if (end !== null) throw end.error;
        await wake.promise;
      }
    },
  };
};
