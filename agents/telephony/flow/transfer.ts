/** A transfer to a person. The agent announces it and stops listening; the service connects the caller. */
import type { voice } from '@livekit/agents';
import type { CallJob } from '#src/protocol/job.ts';
import type { AgentEvent } from '#src/protocol/messages.ts';
import type { CallEnd } from './call-end.ts';
import { stopSpeech, type Say } from '../speech/say.ts';
import { atMost } from '#src/time-limit.ts';
import type { Tasks } from '../report/background-tasks.ts';

type TransferRequest = Omit<Extract<AgentEvent, { kind: 'transfer_requested' }>, 'kind'>;

export type Transfer = {
  /** Whether the caller is waiting to be connected. */
  readonly isUnderWay: boolean;
  /** Begins a transfer once `after` settles. False if one is under way or the call is ending. */
  begin: (request: TransferRequest, after?: Promise<unknown>) => boolean;
  /** Goes on with the conversation, because nobody answered. */
  resume: () => void;
};

type TransferOptions = Readonly<{
  job: Pick<CallJob, 'systemMessages'>;
  session: voice.AgentSession;
  callEnd: CallEnd;
  say: Say;
  tasks: Tasks;
  report: (event: AgentEvent) => void;
}>;

const maxLastWordsMs = 20_000;

export const openTransfer = ({ job, session, callEnd, say, tasks, report }: TransferOptions): Transfer => {
  let isUnderWay = false;
  const request = async (transfer: TransferRequest, after: Promise<unknown>): Promise<void> => {
    await atMost(maxLastWordsMs, after);
    session.input.setAudioEnabled(false);
    stopSpeech(session);
    await say(job.systemMessages.transfer, { interruptible: false });
    if (!callEnd.begun) report({ kind: 'transfer_requested', ...transfer });
  };
  return {
    get isUnderWay() {
      return isUnderWay;
    },
    begin: (transfer, after = Promise.resolve()) => {
      if (isUnderWay || callEnd.begun) return false;
      isUnderWay = true;
      tasks.add('transfer', () => request(transfer, after));
      return true;
    },
    resume: () => {
      isUnderWay = false;
      session.input.setAudioEnabled(true);
      if (!callEnd.begun) tasks.add('resume', () => say(job.systemMessages.transferFailed));
    },
  };
};
