/** The tool with which the model takes a message. */
import { llm } from '@livekit/agents';
import { z } from 'zod';

export type Message = { name: string; number: string; reason: string };

const parameters = z.object({
  name: z.string().trim().min(1).max(200).describe("The caller's name."),
  number: z
    .string()
    .trim()
    .max(60)
    .optional()
    .describe('The number to call back. Leave out for the one they call from.'),
  reason: z.string().trim().min(1).max(2_000).describe('What it is about, in one or two sentences.'),
});

/** Creates the tool. @param callerNumber the number to call back if the caller names no other */
export const takeMessageTool = (callerNumber: string | null, takeMessage: (message: Message) => void) =>
  llm.tool({
    name: 'take_message',
    description: 'Notes a message of the caller, to be read by a person later.',
    parameters,
    execute: async ({ name, number, reason }) => {
      takeMessage({ name, number: number || (callerNumber ?? ''), reason });
      return { noted: true };
    },
  });
