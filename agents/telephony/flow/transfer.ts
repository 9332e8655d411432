/** Connecting the caller with a person: they are told so, nobody listens to them meanwhile, and the service does it. */
import type { voice } from '@livekit/agents';
import type { CallJob } from '#src/protocol/job.ts';
import type { AgentEvent } from '#src/protocol/messages.ts';
import type { CallEnd } from './call-end.ts';
import { stopSpeech, type Say } from '../speech/say.ts';
import { atMost } from '#src/time-limit.ts';
import type { Tasks } from '../report/background-tasks.ts';

type Asked = Omit<Extract<AgentEvent, { kind: 'transfer_requested' }>, 'kind'>;

export type Transfer = {
  /** The caller waits to be connected. */
  readonly isUnderWay: boolean;
  /** Begins, unless it has begun or the call is ending: then false. `after`: first, what is being said may end. */
  begin: (asked: Asked, after?: Promise<unknown>) => boolean;
  /** Nobody took the caller: the conversation goes on. */
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

const longestLastWordsMs = 20_000;

export const openTransfer = ({
  job,
  session,
  callEnd: ender,
  say: speak,
  tasks,
  report: tell,
}: TransferOptions): Transfer => {
  let isUnderWay = false;
  const hand = async (asked: Asked, after: Promise<unknown>): Promise<void> => {
    await atMost(longestLastWordsMs, after);
    session.input.setAudioEnabled(false);
    stopSpeech(session);
    await speak(job.systemMessages.transfer, { interruptible: false });
    if (!ender.begun) tell({ kind: 'transfer_requested', ...asked });
  };
  return {
    get isUnderWay() {
      return isUnderWay;
    },
    begin: (asked, after = Promise.resolve()) => {
      if (isUnderWay || ender.begun) return false;
      isUnderWay = true;
      tasks.add('transfer', () => hand(asked, after));
      return true;
    },
    resume: () => {
      isUnderWay = false;
      session.input.setAudioEnabled(true);
      if (!ender.begun) tasks.add('resume', () => speak(job.systemMessages.transferFailed));
    },
  };
};
