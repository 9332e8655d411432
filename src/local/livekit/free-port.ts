import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what any system gives to outgoing connections, which would take a port between the look and its use; above what browsers refuse. */
const range = [20_000, 32_000] as const;

/**
 * A port of 127.0.0.1 that nobody uses now.
 * @throws what `listen` says other than that it is in use
 */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(...range);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') return false;
        throw error;
      },
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
};
