/**
 * One exchange with nobody, before the phone rings. What a process does for the first time takes several times as long as later: where
 * three calls shared a core, the first reply of each came 300 ms later than the others. Here nobody waits for it.
 *
 * The conversation is as real as in a call; only sound and providers are stand-ins in this process.
 */
import { flushCompileCache } from 'node:module';
import type { VAD } from '@livekit/agents';
import type { Log } from '#src/log.ts';
import type { CallJob } from '#src/protocol/job.ts';
import { openCallEnd } from '../flow/call-end.ts';
import { openConversation } from '../flow/conversation.ts';
import { openSession } from '../session/session.ts';
import { openCachedSpeech } from '../speech/cached-speech.ts';
import { instantOutput, silentInput } from './silent-line.ts';
import { openStubProviders, reply } from './stub-providers.ts';

const longestMs = 5_000;

/**
 * Holds the exchange, until the reply was said or `stop` is aborted because a call has come. Then keeps what was compiled for the
 * processes to come (NODE_COMPILE_CACHE).
 * @param job as the service builds the job of a call
 * @returns whether the reply was said
 */
export const warmUp = async (job: CallJob, vad: VAD, log: Log, stop: AbortSignal): Promise<boolean> => {
  await using providers = await openStubProviders();
  if (stop.aborted) return false;
  const cachedSpeech = openCachedSpeech({}, () => {});
  const { session, tracker } = openSession(job, providers.keys, { vad, cachedSpeech });
  using _tracker = tracker;
  using input = silentInput();
  const callEnd = openCallEnd();
  let isSaid = false;
  using conversation = openConversation({
    ...{ job, session, tracker, cachedSpeech, callEnd, log, onStage: () => {} },
    attachAudio: () => {
      session.input.audio = input;
      session.output.audio = instantOutput();
    },
    report: (event) => {
      if (event.kind !== 'turn' || event.turn.text !== reply) return;
      isSaid = true;
      callEnd.finish('caller_hangup');
    },
  });
  const limit = AbortSignal.any([stop, AbortSignal.timeout(longestMs)]);
  limit.addEventListener('abort', () => callEnd.finish('caller_hangup'));
  await conversation.start();
  if (limit.aborted) callEnd.finish('caller_hangup');
  await conversation.run(() => {});
  await session.close();
  if (!stop.aborted) flushCompileCache();
  return isSaid;
};
