/**
 * One exchange with nobody, before the phone rings. What a process does for the first time takes it several times as long as later: the
 * first reply of each call came 300 ms later than the others where three calls shared a core. Here nobody waits for it.
 *
 * The conversation is as real as in a call; only sound and providers are stand-ins of this process.
 */
import { flushCompileCache } from 'node:module';
import type { VAD } from '@livekit/agents';
import type { CallJob } from '#src/protocol/job.ts';
import type { Log } from '#src/log.ts';
import { makeAgent } from '../session/agent.ts';
import { openConversation } from '../flow/conversation.ts';
import { openEnder } from '../flow/call-end.ts';
import { openPrepared } from '../speech/cached-speech.ts';
import { openSession } from '../session/session.ts';
import { nowhere, silence } from './silent-line.ts';
import { openProviders, reply } from './stub-providers.ts';

const longestMs = 5_000;

const job: CallJob = {
  callId: 'rehearsal',
  attempt: 1,
  purpose: 'converse',
  room: 'rehearsal',
  agentName: 'telephony-agent',
  caller: { identity: 'nobody', number: null, name: null },
  instructions: 'You are a friendly assistant on the phone.',
  firstSpeaker: 'agent',
  greeting: 'Hello.',
  language: 'en-US',
  stt: { model: 'nova-3' },
  llm: { model: 'gpt-4.1-mini', secondModel: null, temperature: null },
  tts: { provider: 'openai', model: 'tts-1', voice: 'alloy', rate: 1 },
  vad: 'bundled',
  endpointingFactor: 1,
  greetingGuardMs: 0,
  limits: {
    noInputPromptMs: longestMs,
    noInputGoodbyeMs: 2 * longestMs,
    waitRequestMs: longestMs,
    maxCallMs: 2 * longestMs,
    activeTimeoutMs: longestMs,
  },
  destinations: ['Reception'],
  fallback: null,
  systemMessages: {
    disclosure: '',
    noInput: '',
    filler: '',
    goodbye: '',
    timeLimit: '',
    announcement: '',
    apology: '',
    farewell: '',
    transfer: '',
    transferFailed: '',
    afterRecovery: '',
  },
  cachedSpeech: {},
  history: [],
  firstTurnSeq: 0,
};

/**
 * Rehearses, until the reply was said or `stop` is aborted: a call has come. Then keeps what was compiled, for the processes to come
 * (NODE_COMPILE_CACHE).
 * @returns whether the reply was said
 */
export const rehearse = async (vad: VAD, log: Log, stop: AbortSignal): Promise<boolean> => {
  await using providers = await openProviders();
  if (stop.aborted) return false;
  const prepared = openPrepared({}, () => {});
  const session = openSession(job, providers.keys, { vad, prepared });
  const agent = makeAgent(job, { hangUp: () => {}, takeMessage: () => {}, transferTo: () => {} });
  agent.watch(session);
  using sound = silence();
  session.input.audio = sound;
  session.output.audio = nowhere();
  const ender = openEnder();
  let isSaid = false;
  using conversation = openConversation({
    ...{ job, session, prepared, ender, log, mark: () => {} },
    tell: (event) => {
      if (event.kind !== 'turn' || event.turn.text !== reply) return;
      isSaid = true;
      ender.finish('caller_hangup');
    },
  });
  const limit = AbortSignal.any([stop, AbortSignal.timeout(longestMs)]);
  limit.addEventListener('abort', () => ender.finish('caller_hangup'));
  await session.start({ agent, record: false });
  if (limit.aborted) ender.finish('caller_hangup');
  await conversation.hold(() => {});
  await session.close();
  if (!stop.aborted) flushCompileCache();
  return isSaid;
};
