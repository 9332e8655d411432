/** The ways in which a conversation ends politely: by the model, by a command, by a limit. */
import type { voice } from '@livekit/agents';
import type { CallJob } from '#src/protocol/job.ts';
import { atMost } from '#src/time-limit.ts';
import type { Tasks } from '../report/background-tasks.ts';
import type { Transcript } from '../report/transcript.ts';
import { sayTwiceIfFailed, stopSpeech, type Say } from '../speech/say.ts';
import type { CallEnd, CallEnding } from './call-end.ts';

/** The longest that a goodbye takes to be heard, whatever follows its words included. */
const longestGoodbyeMs = 20_000;
const fallSilentMs = 500;

export type GoodbyeParts = Readonly<{
  job: Pick<CallJob, 'systemMessages'>;
  session: voice.AgentSession;
  callEnd: CallEnd;
  say: Say;
  tasks: Tasks;
  transcript: Transcript;
}>;

/** Stops what is being said, says a last sentence, and ends the call; unless an end has begun already. */
export const endPolitely = (
  { session, callEnd, say, tasks, transcript }: GoodbyeParts,
  reason: CallEnding['reason'],
  lastWords: string,
): void => {
  if (!callEnd.begin(reason)) return;
  tasks.add('goodbye', async () => {
    stopSpeech(session);
    transcript.flush();
    await sayTwiceIfFailed(say, lastWords);
    callEnd.finish(reason);
  });
};

/**
 * The model hangs up: its own words are heard first, or else a goodbye is said.
 * @param saidWords settles when what the model said beside the tool call was heard
 * @param goodbye what the model wants said; null: the campaign's goodbye, unless the model said something
 */
export const hangUp = (
  { callEnd, say, transcript, tasks, job }: GoodbyeParts,
  saidWords: Promise<unknown>,
  goodbye: string | null,
): void => {
  if (!callEnd.begin('agent_hangup')) return;
  tasks.add('hang up', async () => {
    await atMost(longestGoodbyeMs, saidWords);
    const said = transcript.lastWords();
    const isSaid = said !== null && (goodbye === null || plain(said).includes(plain(goodbye)));
    if (!isSaid) await say(goodbye ?? job.systemMessages.goodbye, { interruptible: false });
    callEnd.finish('agent_hangup');
  });
};

const plain = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

/** Cuts off what is being said, so that its record is complete as far as it was heard. */
export const fallSilent = async (session: voice.AgentSession): Promise<void> => {
  try {
    await atMost(fallSilentMs, session.interrupt().await);
  } catch {
    session.interrupt({ force: true }); // a goodbye that nobody listens to any more
  }
};
