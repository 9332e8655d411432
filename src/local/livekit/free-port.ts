/** Finds a free port. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ephemeral ports, so that no outgoing connection takes the port before it is used; above the ports that browsers block. */
const range = [20_000, 32_000] as const;

/**
 * A port of 127.0.0.1 that is free now.
 * @throws any error of `listen` other than EADDRINUSE
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
