/** The model's way to connect the caller with a person: with those whom the campaign lists, and with nobody else. */
import { llm } from '@livekit/agents';
import { z } from 'zod';

/** `saidWords` settles when what the model said beside the tool call was heard. */
export type TransferTo = (saidWords: Promise<unknown>, destination: string) => void;

/** Makes the tool. It answers nothing, so that the model does not go on talking. */
export const transferCallTool = (destinations: readonly string[], transferTo: TransferTo) =>
  llm.tool({
    name: 'transfer_call',
    description:
      'Connects the caller with a person. Only when the caller asks for it or agreed to it. They are told so by themselves: ' +
      'say nothing along with it.',
    parameters: z.object({ destination: z.enum(destinations).describe('With whom.') }),
    execute: async ({ destination }, { ctx }) => {
      if (ctx.speechHandle.interrupted) return;
      ctx.disallowInterruptions();
      transferTo(ctx.waitForPlayout(), destination);
    },
  });
