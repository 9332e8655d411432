/** The tool with which the model transfers the caller to one of the campaign's destinations. */
import { llm } from '@livekit/agents';
import { z } from 'zod';

/** `playedOut` resolves when what the model said along with the tool call has been played out. */
export type TransferTo = (playedOut: Promise<unknown>, destination: string) => void;

/** Creates the tool. It returns nothing, so that the model doesn't go on talking. */
export const transferCallTool = (destinations: readonly string[], transferTo: TransferTo) =>
  llm.tool({
    name: 'transfer_call',
    description:
      'Connects the caller with a person. Only when the caller asks for it or agreed to it. The transfer is announced ' +
      'automatically: say nothing along with it.',
    parameters: z.object({ destination: z.enum(destinations).describe('With whom.') }),
    execute: async ({ destination }, { ctx }) => {
      if (ctx.speechHandle.interrupted) return;
      ctx.disallowInterruptions();
      transferTo(ctx.waitForPlayout(), destination);
    },
  });
