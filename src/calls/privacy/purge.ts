/** Transcripts are kept for as long as the operator sets; webhooks and commands, as long as they can matter. */
import type { Context } from '../../context.ts';
import { deleteCommandsBefore, deleteInboxBefore, deleteTurnsBefore } from './purge-store.ts';

const dayMs = 86_400_000;
/** LiveKit repeats a webhook for minutes; a person may look into one for some days. */
const inboxDays = 7;

/** Deletes what is too old, in batches, so that calls don't wait for it. */
export const purge = async ({
  db,
  config,
  log,
  now,
}: Pick<Context, 'db' | 'config' | 'log' | 'now'>): Promise<void> => {
  const daysAgo = (days: number): Date => new Date(now().getTime() - days * dayMs);
  const turns = config.retentionDays === 0 ? 0 : await deleteTurnsBefore(db, daysAgo(config.retentionDays));
  const events = await deleteInboxBefore(db, daysAgo(inboxDays));
  const commands = await deleteCommandsBefore(db, daysAgo(inboxDays));
  if (turns + events + commands > 0) log.info({ turns, events, commands }, 'old records deleted');
};
