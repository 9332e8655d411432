/**
 * The job of a call: everything that a call host needs to run it, in one value.
 *
 * Glossary
 *   CallJob          what the service hands to the call host that claimed the call
 *   purpose          `converse`, or `announce`: say one sentence and end (all lines are busy)
 *   history          what was said before this agent took over the call; empty for the first one
 *   system messages  what the agent says without asking a model
 */
import { z } from 'zod';

export const providerKeys = z.object({
  deepgram: z.object({ apiKey: z.string(), baseUrl: z.string() }),
  openai: z.object({ apiKey: z.string(), baseUrl: z.string() }),
});
/** The providers' addresses and keys. `deepgram.baseUrl` is ws(s)://…, `openai.baseUrl` http(s)://…/v1. */
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
  /** Multiplies the endpointing delays: how long to wait for the end of the caller's turn. */
  endpointingFactor: z.number(),
  /** How long the caller can't interrupt the greeting. */
  greetingGuardMs: z.number(),
  limits: z.object({
    /** Asks whether the caller is still there each time this long has passed since the agent's last word … */
    noInputPromptMs: z.number(),
    /** … and says goodbye after this long. */
    noInputGoodbyeMs: z.number(),
    /** What a wait request ("one moment") grants instead of `noInputPromptMs`. */
    waitRequestMs: z.number(),
    /** The whole call, from when it was answered. */
    maxCallMs: z.number(),
    /** How long to wait for the caller's media (`sip.callStatus` = active) before greeting anyway. */
    activeTimeoutMs: z.number(),
  }),
  /** The names of the people whom the caller may be transferred to, and of the one who takes over when the conversation can't go on. */
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
  /** The files of texts whose speech is cached, by text: 16-bit mono PCM at 24 kHz. */
  cachedSpeech: z.record(z.string(), z.string()),
  history: z.array(z.object({ role: z.enum(['agent', 'caller']), text: z.string() })),
  /** The number of the first turn that this agent reports. */
  firstTurnSeq: z.number().int(),
});
export type CallJob = z.infer<typeof callJob>;

/** A voice. `rate` 1 is its own speed. */
export type Voice = Readonly<CallJob['tts']>;
