/** A person commands the agent of a running call: to end it, to say something, to transfer the caller. */
import { findDestination } from '../../campaigns/campaign.ts';
import { findSettings } from '../../campaigns/store.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { TenantScope } from '../../tenants/scope.ts';
import { findCommandableCall, insertCommand, type NewCommand } from '../scoped-store.ts';

/**
 * Leaves a command, which the service that owns the call takes within a moment.
 * @throws AppError `not_found`, `conflict` when none of our agents is on the call, `malformed` for an unlisted destination
 */
export const sendCommand = async (
  { db }: Pick<Context, 'db'>,
  scope: TenantScope,
  callId: string,
  command: NewCommand,
): Promise<void> => {
  const call = await findCommandableCall(db, scope, callId);
  if (call === null) throw new AppError('not_found', 'No such call.');
  if (call.status !== 'in_progress' || call.ownerId === null)
    throw new AppError('conflict', `None of our agents is on the call: it is ${call.status}.`);
  if (command.type === 'transfer') {
    const settings = call.campaignId === null ? null : await findSettings(db, call.campaignId, call.campaignVersionId);
    const destinations = settings?.transferDestinations ?? [];
    if (findDestination({ transferDestinations: destinations }, command.text ?? '') === null)
      throw new AppError(
        'malformed',
        `destination: the campaign lists ${destinations.map(({ name }) => name).join(', ') || 'nobody'}.`,
      );
  }
  await insertCommand(db, scope, callId, command);
};
