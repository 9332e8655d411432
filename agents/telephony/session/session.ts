/** The machinery of a conversation: hearing, thinking, speaking and taking turns, built from the CallJob. */
import { inference, voice, type tts, type VAD } from '@livekit/agents';
import type { CallJob, ProviderKeys } from '#src/protocol/job.ts';
import type { Prepared } from '../speech/cached-speech.ts';
import { DeepgramStt } from '../stt/deepgram.ts';
import { SteadyLlm } from '../llm/hedged-llm.ts';
import { StreamedVoice } from '../tts/streaming-tts.ts';
import { openTurnEnd, scalePatience, standardPatience } from '../turns/end-of-turn.ts';

/** Ear, model and voice retry by themselves: they know what was heard already. */
const connOptions = {
  sttConnOptions: { maxRetry: 0, retryIntervalMs: 300, timeoutMs: 5_000 },
  ttsConnOptions: { maxRetry: 0, retryIntervalMs: 300, timeoutMs: 5_000 },
  maxUnrecoverableErrors: 10, // we decide when to give up (troubles.ts)
};

const interruption = {
  mode: 'vad' as const,
  /** The agent falls silent when somebody has spoken for so long … */
  minDuration: 200,
  /** … and goes on when nothing was understood this long after they stopped. */
  falseInterruptionTimeout: 300,
};

/** The model and the voice start on every final transcript, so that the wait for the turn's end costs next to nothing. */
const preemptiveGeneration = { enabled: true, preemptiveTts: true, maxRetries: 6 };

/** Opens the session of a conversation; it is not started, and has no audio yet. */
export const openSession = (
  job: CallJob,
  keys: ProviderKeys,
  { vad, prepared }: Readonly<{ vad: VAD; prepared: Prepared }>,
): voice.AgentSession => {
  const patience = scalePatience(standardPatience, job.endpointingFactor);
  const turnEnd = openTurnEnd(patience, vad.minSilenceDuration ?? 250);
  const session = new voice.AgentSession({
    stt: new DeepgramStt({ ...keys.deepgram, model: job.stt.model, language: job.language }),
    llm: new SteadyLlm({ ...keys.openai, ...job.llm, holdSentence: job.systemMessages.filler }),
    tts: openVoice(job, keys, prepared),
    // The voice takes markup out by itself, without holding words back.
    ttsTextTransforms: null,
    vad,
    connOptions,
    turnHandling: {
      turnDetection: turnEnd,
      endpointing: { mode: 'fixed', minDelay: patience.finishedMs, maxDelay: patience.unfinishedMs },
      // What a caller says while the greeting is protected is answered after it.
      interruption: { ...interruption, discardAudioIfUninterruptible: job.greetingGuardMs === 0 },
      preemptiveGeneration,
    },
    // silence.ts minds the silence, and telephone networks cancel echo: the greeting can be interrupted.
    userAwayTimeout: null,
    aecWarmupDuration: null,
  });
  turnEnd.watch(session);
  return session;
};

/** Opens a session that can only speak. */
export const openAnnouncement = (job: CallJob, keys: ProviderKeys, prepared: Prepared): voice.AgentSession =>
  new voice.AgentSession({
    tts: openVoice(job, keys, prepared),
    vad: null,
    connOptions,
    turnHandling: { turnDetection: null, interruption: { mode: 'vad' } },
    userAwayTimeout: null,
    aecWarmupDuration: null,
  });

const openVoice = ({ tts: choice }: CallJob, providers: ProviderKeys, prepared: Prepared): tts.TTS =>
  new StreamedVoice({ providers, voice: choice, prepared: prepared.pcmOf });

/** The bundled voice activity detection costs 0.9 % of a core, the Silero plugin's 2.3 % and 46 MB. */
export const openVad = async (kind: CallJob['vad'], bundled: VAD): Promise<VAD> => {
  if (kind === 'bundled') return bundled;
  const silero = await import('@livekit/agents-plugin-silero');
  return silero.VAD.load();
};

/** Opens the bundled detection and runs it once: the first use blocks the event loop for 200–270 ms. */
export const warmVad = async (
  makeSilence: () => Parameters<ReturnType<VAD['stream']>['pushFrame']>[0],
): Promise<VAD> => {
  const vad = new inference.VAD();
  const stream = vad.stream();
  stream.pushFrame(makeSilence());
  await stream.next();
  stream.close();
  return vad;
};
