/**
 * The job of a call process: everything that it needs to hold one conversation, in one value.
 *
 * Glossary
 *   CallJob    what the service hands to the call process that claimed a call
 *   purpose    `converse`: hold the conversation; `announce`: say one sentence and end (a full campaign)
 *   history    what was said before this process took the call over (empty for the first one)
 *   sentences  what the agent says without asking a model
 */
import { z } from 'zod';

export const providerKeys = z.object({
  deepgram: z.object({ apiKey: z.string(), baseUrl: z.string() }),
  openai: z.object({ apiKey: z.string(), baseUrl: z.string() }),
});
/** Where the providers are and with which keys. `deepgram.baseUrl` is ws(s)://…, `openai.baseUrl` http(s)://…/v1. */
export type ProviderKeys = z.infer<typeof providerKeys>;

export const callJob = z.object({
  callId: z.string(),
  attempt: z.number().int(),
  purpose: z.enum(['converse', 'announce']),
  room: z.string(),
  agentName: z.string(),
  caller: z.object({ identity: z.string(), number: z.string().nullable(), name: z.string().nullable() }),
  instructions: z.string(),
  firstSpeaker: z.enum(['agent', 'caller']),
  greeting: z.string(),
  language: z.string(),
  stt: z.object({ model: z.string() }),
  llm: z.object({ model: z.string(), secondModel: z.string().nullable(), temperature: z.number().nullable() }),
  tts: z.object({ provider: z.enum(['openai', 'deepgram']), model: z.string(), voice: z.string(), rate: z.number() }),
  vad: z.enum(['bundled', 'silero']),
  /** How many times the standard wait for the end of the caller's turn. */
  endpointingFactor: z.number(),
  /** For so long the caller can't interrupt the greeting. */
  greetingGuardMs: z.number(),
  limits: z.object({
    /** Asks whether somebody is there each time this long has passed since the agent's last word … */
    noInputPromptMs: z.number(),
    /** … until this long has passed: goodbye. */
    noInputGoodbyeMs: z.number(),
    /** What "one moment" grants instead of `silenceAskMs`. */
    waitRequestMs: z.number(),
    /** The whole call, from its answer. */
    maxCallMs: z.number(),
    /** How long to wait for the caller's media (`sip.callStatus` = active) before greeting all the same. */
    activeTimeoutMs: z.number(),
  }),
  /** The names of those with whom the caller may be connected, and which of them takes over when the conversation can't go on. */
  destinations: z.array(z.string()),
  fallback: z.string().nullable(),
  systemMessages: z.object({
    /** Before the greeting; empty: nothing. */
    disclosure: z.string(),
    noInput: z.string(),
    filler: z.string(),
    goodbye: z.string(),
    timeLimit: z.string(),
    announcement: z.string(),
    apology: z.string(),
    farewell: z.string(),
    transfer: z.string(),
    transferFailed: z.string(),
    afterRecovery: z.string(),
  }),
  /** Which texts were spoken beforehand, and in which file: 16-bit mono PCM at 24 kHz. */
  cachedSpeech: z.record(z.string(), z.string()),
  history: z.array(z.object({ role: z.enum(['agent', 'caller']), text: z.string() })),
  /** The first number that this process may give to a turn. */
  firstTurnSeq: z.number().int(),
});
export type CallJob = z.infer<typeof callJob>;

/** The voice that speaks; to be the same wherever it is asked for. `rate` 1 is the voice's own speed. */
export type Voice = Readonly<CallJob['tts']>;
