/** The tool with which the model hangs up. */
import { llm } from '@livekit/agents';
import { z } from 'zod';

/** `playedOut` resolves when what the model said along with the tool call has been played out; `goodbye` is what else it wants to be said. */
export type HangUp = (playedOut: Promise<unknown>, goodbye: string | null) => void;

const parameters = z.object({
  goodbye: z.string().nullish().describe('What to say as goodbye, unless you said it already.'),
});

/** Creates the tool. It returns nothing, so that the model doesn't go on talking. */
export const endCallTool = (hangUp: HangUp) =>
  llm.tool({
    name: 'end_call',
    description:
      'Hangs up. Only when the caller said goodbye or clearly wants nothing more. Say goodbye along with it.',
    parameters,
    execute: async ({ goodbye }, { ctx }) => {
      if (ctx.speechHandle.interrupted) return;
      // The caller can't interrupt the goodbye.
      ctx.disallowInterruptions();
      hangUp(ctx.waitForPlayout(), goodbye?.trim() ? goodbye : null);
    },
  });
