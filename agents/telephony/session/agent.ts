/** Who speaks: instructions, history and tools of one call. */
import { llm } from '@livekit/agents';
import type { CallJob } from '#src/protocol/job.ts';
import { firstWords } from '../speech/greeting.ts';
import { instructionsOf } from './instructions.ts';
import type { InterruptibleAgent } from '../turns/barge-in.ts';
import { RepeatingAgent } from '../turns/repeat.ts';
import { endCallTool, type HangUp } from './tools/end-call.ts';
import { takeMessageTool, type Message } from './tools/take-message.ts';
import { transferCallTool, type TransferTo } from './tools/transfer-call.ts';

export type AgentActions = { hangUp: HangUp; takeMessage: (message: Message) => void; transferTo: TransferTo };

/** Makes the agent of a call. It has these tools and no others, whatever the caller says. */
export const makeAgent = (job: CallJob, actions: AgentActions): InterruptibleAgent =>
  new RepeatingAgent(
    {
      instructions: instructionsOf(job),
      chatCtx: historyOf(job),
      tools: [
        endCallTool(actions.hangUp),
        takeMessageTool(job.caller.number, actions.takeMessage),
        ...(job.destinations.length > 0 ? [transferCallTool(job.destinations, actions.transferTo)] : []),
      ],
    },
    firstWords(job) === job.greeting ? job.greetingGuardMs : 0,
  );

const historyOf = (job: Pick<CallJob, 'history'>): llm.ChatContext => {
  const context = llm.ChatContext.empty();
  for (const { role, text } of job.history) {
    context.addMessage({ role: role === 'agent' ? 'assistant' : 'user', content: text });
  }
  return context;
};
