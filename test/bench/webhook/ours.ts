/**
 * The service's HTTP side in a process of its own, as in production: it logs, and limits the calls of tenants and callers. One difference:
 * it asks whether the machine is overloaded, but doesn't refuse the call then. A full load keeps the event loop above 95 % busy, which
 * is what the service sheds calls for; the reference sheds none.
 */
import { once } from 'node:events';
import { openDb } from '#src/database/open.ts';
import { openLog } from '#src/log.ts';
import { openAdmission } from '#src/worker/admission.ts';
import { testContext, testHttp } from '#test/support/context.ts';

const log = openLog({ level: 'info', pii: false });
const db = await openDb(process.argv[2] ?? '', { log, lockedTimeoutMs: 4_000 });
using admission = openAdmission(0);
const busy = (): null => {
  admission.problem();
  return null;
};
const ctx = testContext(db, { env: { LIVEKIT_INBOUND_TRUNK_ID: 'ST_inbound' }, busy });
const app = testHttp({ ...ctx, log });
const address = await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.(Number(new URL(address).port));
await once(process, 'disconnect');
await app.close();
await db[Symbol.asyncDispose]();
