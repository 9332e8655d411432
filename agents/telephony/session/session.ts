/** Builds a call's session from its job: STT, LLM, TTS and turn handling. */
import { inference, voice, type tts, type VAD } from '@livekit/agents';
import type { CallJob, ProviderKeys } from '#src/protocol/job.ts';
import type { CachedSpeech } from '../speech/cached-speech.ts';
import { DeepgramStt } from '../stt/deepgram.ts';
import { HedgedLlm } from '../llm/hedged-llm.ts';
import { StreamingTts } from '../tts/streaming-tts.ts';
import { defaultEndpointingDelays, openEndOfTurn, scaleDelays } from '../turns/end-of-turn.ts';
import { openSpeechTracker, type SpeechTracker } from '../turns/speech-tracker.ts';

/** No retries by the framework: our STT, LLM and TTS retry themselves, because they know what has already been heard. */
const connOptions = {
  sttConnOptions: { maxRetry: 0, retryIntervalMs: 300, timeoutMs: 5_000 },
  ttsConnOptions: { maxRetry: 0, retryIntervalMs: 300, timeoutMs: 5_000 },
  maxUnrecoverableErrors: 10, // failure-policy.ts decides when to give up
};

const interruption = {
  mode: 'vad' as const,
  /** How long the caller must speak before the agent stops. */
  minDuration: 200,
  /** How long after the caller stopped the agent resumes if no words were recognized. */
  falseInterruptionTimeout: 300,
};

/** LLM and TTS start with every final transcript, so that waiting for the end of the turn costs next to nothing. */
const preemptiveGeneration = { enabled: true, preemptiveTts: true, maxRetries: 6 };

const vadSilenceMs = 250;

/** A session that isn't started and has no audio yet, with the tracker that follows it. */
type TrackedSession = Readonly<{ session: voice.AgentSession; tracker: SpeechTracker }>;

export const openSession = (
  job: CallJob,
  keys: ProviderKeys,
  { vad, cachedSpeech }: Readonly<{ vad: VAD; cachedSpeech: CachedSpeech }>,
): TrackedSession => {
  const delays = scaleDelays(defaultEndpointingDelays, job.endpointingFactor);
  const endOfTurn = openEndOfTurn(delays, vad.minSilenceDuration ?? vadSilenceMs);
  const session = new voice.AgentSession({
    stt: new DeepgramStt({ ...keys.deepgram, model: job.stt.model, language: job.language }),
    llm: new HedgedLlm({ ...keys.openai, ...job.llm, filler: job.systemMessages.filler }),
    tts: createTts(job, keys, cachedSpeech),
    // The framework's transforms delay words. Our TTS removes markup itself.
    ttsTextTransforms: null,
    vad,
    connOptions,
    turnHandling: {
      turnDetection: endOfTurn.detector,
      endpointing: { mode: 'fixed', minDelay: delays.finishedMs, maxDelay: delays.unfinishedMs },
      // What a caller says during the greeting guard is answered after the greeting.
      interruption: { ...interruption, discardAudioIfUninterruptible: job.greetingGuardMs === 0 },
      preemptiveGeneration,
    },
    userAwayTimeout: null, // no-input.ts
    // Not needed, since telephone networks cancel echo.
    aecWarmupDuration: null,
  });
  const tracker = openSpeechTracker(session);
  endOfTurn.follow(tracker);
  return { session, tracker };
};

/** Opens a session that can only speak. */
export const openAnnouncement = (job: CallJob, keys: ProviderKeys, cachedSpeech: CachedSpeech): TrackedSession => {
  const session = new voice.AgentSession({
    tts: createTts(job, keys, cachedSpeech),
    vad: null,
    connOptions,
    turnHandling: { turnDetection: null, interruption: { mode: 'vad' } },
    userAwayTimeout: null,
    aecWarmupDuration: null,
  });
  return { session, tracker: openSpeechTracker(session) };
};

const createTts = ({ tts: voiceOptions }: CallJob, providers: ProviderKeys, cachedSpeech: CachedSpeech): tts.TTS =>
  new StreamingTts({ providers, voice: voiceOptions, cached: cachedSpeech.pcmOf });

/** The bundled voice activity detection takes 0.9 % of a core, the Silero plugin's 2.3 % and 46 MB. */
export const openVad = async (kind: CallJob['vad'], bundled: VAD): Promise<VAD> => {
  if (kind === 'bundled') return bundled;
  const silero = await import('@livekit/agents-plugin-silero');
  return silero.VAD.load();
};

/** Loads the bundled detection and runs it once: its first use blocks the event loop for 200–270 ms. */
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
