/**
 * What is slow only once is done before the first call: the statements of a pick-up are run here by the very functions that a call runs,
 * and rolled back.
 */
import { randomUUID } from 'node:crypto';
import { defaultSettings } from '../../campaigns/campaign.ts';
import type { Context } from '../../context.ts';
import { transaction } from '../../database/transaction.ts';
import type { CallJob } from '../../protocol/job.ts';
import { buildSampleJob } from '../preview/build-job.ts';
import { recordIncoming, type ReceiveContext } from '../receive-call.ts';
import { findKnownCalls, saveTimings, setRinging } from '../store.ts';
import { readJobRecords, takeCall } from './claim-call.ts';

/** A number that nobody has, and the id of nothing. */
const nobody = '+10000000000';
const nothing = '00000000-0000-7000-8000-000000000000';

class RolledBack extends Error {}

/** Leaves no trace in the database. */
export const warmUpCalls = async (ctx: ReceiveContext & Pick<Context, 'ownerId'>): Promise<void> => {
  const { db, now } = ctx;
  const roomName = `warm-up-${randomUUID()}`;
  const names = { callSid: roomName, roomName };
  const incoming = { ...names, source: 'job', from: nobody, to: nobody, trunkId: null, callerIdentity: null } as const;
  const claim = { jobId: nothing, agentIdentity: '', caller: { identity: '' } };
  try {
    await transaction(db, async (tx) => {
      await findKnownCalls(tx, { ...names, refusedSince: now() });
      const { call } = await recordIncoming(tx, ctx, incoming);
      // Nobody's number is refused: here the call goes on as if it hadn't been.
      await setRinging(tx, call.id);
      const taken = await takeCall(tx, ctx, claim, call.id);
      if (taken === null) throw new Error('the call of the warm-up could not be taken');
      await saveTimings(tx, call.id, { entered: 0 });
      throw new RolledBack();
    });
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error;
  }
  await readJobRecords(db, {
    id: nothing,
    campaignId: nothing,
    campaignVersionId: nothing,
    leadId: nothing,
    tenantId: nothing,
  });
};

/** The job of a call that nobody makes, for a call host to warm up with. */
export const warmUpJobOf = ({ config, now }: Pick<Context, 'config' | 'now'>): CallJob => {
  const transferDestinations = [{ name: 'Reception', number: nobody }];
  const settings = { ...defaultSettings, transferDestinations };
  const { job } = buildSampleJob({ caller: nobody, settings, agentName: config.agentName, now: now() });
  return { ...job, cachedSpeech: {} };
};
