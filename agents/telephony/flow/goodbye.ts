/** Polite ends of a conversation, whether the model, a command or a limit ends it. */
import type { voice } from '@livekit/agents';
import type { CallJob } from '#src/protocol/job.ts';
import { atMost } from '#src/time-limit.ts';
import type { Tasks } from '../report/background-tasks.ts';
import type { Transcript } from '../report/transcript.ts';
import { sayTwiceIfFailed, stopSpeech, type Say } from '../speech/say.ts';
import type { CallEnd, CallEnding } from './call-end.ts';

/** How long to wait for the model's own words to be played out. */
const maxGoodbyeMs = 20_000;
const fallSilentMs = 500;

export type GoodbyeParts = Readonly<{
  job: Pick<CallJob, 'systemMessages'>;
  session: voice.AgentSession;
  callEnd: CallEnd;
  say: Say;
  tasks: Tasks;
  transcript: Transcript;
}>;

/** Interrupts the agent, says `lastWords` and ends the call, unless an end has already begun. */
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
 * Hangs up for the model, after its own words have been played out or, if there are none, after a goodbye.
 * @param playedOut resolves when what the model said along with the tool call has been played out
 * @param goodbye what the model wants to be said; null: the campaign's goodbye, unless the model said something itself
 */
export const hangUp = (
  { callEnd, say, transcript, tasks, job }: GoodbyeParts,
  playedOut: Promise<unknown>,
  goodbye: string | null,
): void => {
  if (!callEnd.begin('agent_hangup')) return;
  tasks.add('hang up', async () => {
    await atMost(maxGoodbyeMs, playedOut);
    const said = transcript.lastWords();
    const isSaid = said !== null && (goodbye === null || normalize(said).includes(normalize(goodbye)));
    if (!isSaid) await say(goodbye ?? job.systemMessages.goodbye, { interruptible: false });
    callEnd.finish('agent_hangup');
  });
};

const normalize = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

/** Interrupts the agent, so that the transcript has what was heard of its last words. */
export const fallSilent = async (session: voice.AgentSession): Promise<void> => {
  try {
    await atMost(fallSilentMs, session.interrupt().await);
  } catch {
    session.interrupt({ force: true }); // a goodbye, which the caller no longer hears
  }
};
