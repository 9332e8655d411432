/** The first words of the agent. */
import type { CallJob } from '#src/protocol/job.ts';
import type { Say, SayResult } from './say.ts';

/** What the agent says first, or null when the caller has the first word. */
export const firstWords = (
  job: Pick<CallJob, 'firstSpeaker' | 'greeting' | 'history' | 'systemMessages'>,
): string | null => {
  if (job.history.length > 0) return job.systemMessages.afterRecovery;
  return job.firstSpeaker === 'agent' && job.greeting.trim() !== '' ? job.greeting : null;
};

/**
 * Says the greeting, and once more when it was not played out, unless the caller really interrupted: then they have the
 * floor. `callerSpoke`: whether words of the caller were understood since the call was answered.
 */
export const greet = async (speak: Say, greeting: string, callerSpoke: () => boolean): Promise<SayResult> => {
  const first = await speak(greeting);
  if (first === 'heard' || callerSpoke()) return first;
  return speak(greeting);
};
