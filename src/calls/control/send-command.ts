/** A person orders something of the agent of a running call: to end it, to say something, to connect the caller with somebody. */
import { findDestination } from '../../campaigns/campaign.ts';
import { findSettings } from '../../campaigns/store.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { TenantScope } from '../../tenants/scope.ts';
import { findCommandableCall, insertCommand, type NewCommand } from '../scoped-store.ts';

/**
 * Leaves an order; the service that has the call takes it within a moment.
 * @throws AppError `not_found`, `conflict` where no agent of ours holds the call, `malformed` for an unlisted destination
 */
export const sendCommand = async (
  { db }: Pick<Context, 'db'>,
  scope: TenantScope,
  callId: string,
  order: NewCommand,
): Promise<void> => {
  const call = await findCommandableCall(db, scope, callId);
  if (call === null) throw new AppError('not_found', 'There is no such call.');
  if (call.status !== 'in_progress' || call.ownerId === null)
    throw new AppError('conflict', `No agent of ours holds the call: it is ${call.status}.`);
  if (order.type === 'transfer') {
    const settings = call.campaignId === null ? null : await findSettings(db, call.campaignId, call.campaignVersionId);
    const destinations = settings?.transferDestinations ?? [];
    if (findDestination({ transferDestinations: destinations }, order.text ?? '') === null)
      throw new AppError(
        'malformed',
        `destination: the campaign lists ${destinations.map(({ name }) => name).join(', ') || 'nobody'}.`,
      );
  }
  await insertCommand(db, scope, callId, order);
};
