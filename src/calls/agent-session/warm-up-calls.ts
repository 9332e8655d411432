/** What is slow only once is done before the first call: each statement of pick-up is run, and taken back. */
import { randomUUID } from 'node:crypto';
import { findSettings } from '../../campaigns/store.ts';
import type { Context } from '../../context.ts';
import { transaction } from '../../database/transaction.ts';
import { findLead } from '../../leads/store.ts';
import { loadRouteFacts } from '../../routing/store.ts';
import { findTenantName } from '../../tenants/store.ts';
import { takeOwnership } from '../ownership-store.ts';
import { appendEvent, findCall, findKnownCalls, insertCall, listTurns, saveTimings } from '../store.ts';

/** A number that nobody has, and the id of nothing. */
const nobody = '+10000000000';
const nothing = '00000000-0000-7000-8000-000000000000';

class TakenBack extends Error {}

/** Leaves no trace in the database. */
export const warmUpCalls = async ({ db, now }: Pick<Context, 'db' | 'now'>): Promise<void> => {
  const at = now();
  try {
    await transaction(db, async (tx) => {
      const name = `rehearsal-${randomUUID()}`;
      const names = { callSid: name, roomName: name };
      await loadRouteFacts(tx, { number: nobody, caller: nobody, now: at });
      await findKnownCalls(tx, { ...names, refusedSince: at });
      const numbers = { phoneNumber: nobody, dialedNumber: nobody };
      const unrouted = { agentName: null, rejectReason: null, leadId: null, campaignId: null, campaignVersionId: null };
      const { id } = await insertCall(tx, {
        ...names,
        ...numbers,
        ...unrouted,
        ...{ tenantId: null, phoneNumberId: null, callerIdentity: null, trunkId: null },
        ...{ status: 'ringing', routing: { source: 'job', reasons: [] }, createdAt: at },
      });
      const hold = { ownerId: nothing, leaseUntil: at, jobId: nothing, agentIdentity: '', callerIdentity: '' };
      await takeOwnership(tx, id, hold, at);
      await appendEvent(tx, id, 'claimed', {});
      await saveTimings(tx, id, { entered: 0 });
      await findCall(tx, id);
      throw new TakenBack();
    });
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error;
  }
  await Promise.all([
    findSettings(db, nothing, nothing),
    findLead(db, nothing),
    findTenantName(db, nothing),
    listTurns(db, nothing),
  ]);
};
