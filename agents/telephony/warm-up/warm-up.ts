/**
 * One exchange without a caller, before the phone rings. The first time a process does anything takes several times as long as later: with
 * three calls on one core, the first reply of each came 300 ms later than the others.
 *
 * The conversation is the same as in a call; only the audio and the providers are stubs.
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

const timeoutMs = 5_000;

/**
 * Runs the exchange until the reply has been said or `stop` is aborted because a call has arrived. Then saves the compiled code for later
 * processes (NODE_COMPILE_CACHE).
 * @param job as the service builds it for a call
 * @returns whether the reply has been said
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
  const limit = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]);
  limit.addEventListener('abort', () => callEnd.finish('caller_hangup'));
  await conversation.start();
  if (limit.aborted) callEnd.finish('caller_hangup');
  await conversation.run(() => {});
  await session.close();
  if (!stop.aborted) flushCompileCache();
  return isSaid;
};
