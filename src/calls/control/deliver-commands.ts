/** Commands that people left for running calls, whichever machine they asked, reach the call hosts of this machine. */
import type { Context } from '../../context.ts';
import type { FromService } from '../../protocol/messages.ts';
import { appendEvent } from '../store.ts';
import { takeCommands, type Command } from './command-store.ts';

/** The link to the call hosts of this machine. */
type CommandLink = Readonly<{
  activeCalls: () => number;
  /** False when no host of this machine runs the call. */
  send: (callId: string, message: FromService) => boolean;
}>;

/** Delivers what is waiting; what became of each command is an event of its call. */
export const deliverCommands = async (
  { db, ownerId, now }: Pick<Context, 'db' | 'ownerId' | 'now'>,
  link: CommandLink,
): Promise<void> => {
  if (link.activeCalls() === 0) return;
  for (const command of await takeCommands(db, ownerId, now())) {
    const isDelivered = link.send(command.callId, messageOf(command));
    const type = isDelivered ? 'command_delivered' : 'command_lost';
    await appendEvent(db, command.callId, type, { command: command.type });
  }
};

const messageOf = ({ type, text }: Command): FromService => {
  switch (type) {
    case 'end':
      return { type: 'end', say: text, reason: 'ended_by_service' };
    case 'say':
      return { type: 'say', text: text ?? '' };
    case 'transfer':
      return { type: 'transfer', destination: text ?? '' };
  }
};
