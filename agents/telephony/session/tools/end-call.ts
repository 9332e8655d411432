/** The model's way to hang up. */
import { llm } from '@livekit/agents';
import { z } from 'zod';

/** `saidWords` settles when what the model said beside the tool call was heard; `goodbye` is what it wants said instead. */
export type HangUp = (saidWords: Promise<unknown>, goodbye: string | null) => void;

const parameters = z.object({
  goodbye: z.string().nullish().describe('What to say as goodbye, unless you said it already.'),
});

/** Makes the tool. It answers nothing, so that the model does not go on talking. */
export const endCallTool = (hangUp: HangUp) =>
  llm.tool({
    name: 'end_call',
    description:
      'Hangs up. Only when the caller said goodbye or clearly wants nothing more. Say goodbye along with it.',
    parameters,
    execute: async ({ goodbye }, { ctx }) => {
      if (ctx.speechHandle.interrupted) return;
      // From here on the goodbye is played to its end, whatever the caller says.
      ctx.disallowInterruptions();
      hangUp(ctx.waitForPlayout(), goodbye?.trim() ? goodbye : null);
    },
  });
