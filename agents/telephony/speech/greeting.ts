/** The greeting. */
import type { CallJob } from '#src/protocol/job.ts';
import type { Say, SayResult } from './say.ts';

/** What the agent says first; null if the caller speaks first. */
export const firstWords = (
  job: Pick<CallJob, 'firstSpeaker' | 'greeting' | 'history' | 'systemMessages'>,
): string | null => {
  if (job.history.length > 0) return job.systemMessages.afterRecovery;
  return job.firstSpeaker === 'agent' && job.greeting.trim() !== '' ? job.greeting : null;
};

/**
 * Says the greeting, and says it again if it wasn't played out, unless the caller interrupted it with words.
 * @param hasCallerSpoken whether words of the caller have been recognized
 */
export const greet = async (say: Say, greeting: string, hasCallerSpoken: () => boolean): Promise<SayResult> => {
  const first = await say(greeting);
  if (first === 'heard' || hasCallerSpoken()) return first;
  return say(greeting);
};
