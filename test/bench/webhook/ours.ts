/** The service's HTTP side in a process of its own, for webhook.ts. */
import { once } from 'node:events';
import { openDb } from '#src/database/open.ts';
import { testContext, testHttp } from '#test/support/context.ts';

const db = await openDb(process.argv[2] ?? '');
const app = testHttp(testContext(db, { env: { LIVEKIT_INBOUND_TRUNK_ID: 'ST_inbound' } }));
const address = await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.(Number(new URL(address).port));
await once(process, 'disconnect');
await app.close();
await db[Symbol.asyncDispose]();
