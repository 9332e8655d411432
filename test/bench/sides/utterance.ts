/** One utterance of a caller in a running call, and what is heard after it. */
import { nowMs, type Caller, type Played } from '#src/simulators/caller/caller.ts';
import type { Providers } from '#src/simulators/providers/server.ts';
import { defaultDelays } from '#src/simulators/providers/simulation/delays.ts';
import type { Recording } from '../recordings/recording.ts';
import type { Tally } from './phone.ts';

const quietMs = 900;
/** An agent that was disturbed may wait this long, and then go on. */
const disturbedQuietMs = 5_000;
/** No agent reacts faster: what is heard earlier belongs to the turn before. */
const soonestMs = 200;
const attempts = 3;
/** The whole utterance is known this long after its end at the soonest (by an interim), and then the model and the voice take their time. */
const soonestReplyMs = defaultDelays.interimLagMs + defaultDelays.firstTokenMs + defaultDelays.speechFirstByteMs;
const measuringErrorMs = 50;
const quietTimeoutMs = 30_000;
/** A reply that hasn't begun by then is missing. */
export const replyTimeoutMs = 12_000;
/** A speakerphone's echo, after the network's echo canceler did its part. */
const echo = { gainDb: -22, delayMs: 120 };

export type Exchange = Readonly<{
  recording: string;
  kind: string;
  treatments: readonly string[];
  pauses: number;
  /** The agent spoke before the utterance was over: how long before its true end, in ms. */
  cutInMs: number | null;
  /** From the last sample of speech to the reply's first loud frame; null: no reply, or a cut-in, after which nothing is measured. */
  heardMs: number | null;
  /** The model was asked with the whole utterance, and what was heard can be its answer. */
  understood: boolean;
  /** How often the caller had spoken, in the model's view; 0: it wasn't asked. */
  turn: number;
}>;

const plain = (text: string): string => text.toLowerCase().replaceAll(/[^\p{L}\p{N} ]/gu, '');

/** The caller's last words in the model's last request, and how many turns of the caller that request had. */
const lastHeard = async (providers: Providers): Promise<{ text: string; turn: number }> => {
  const { lastChat } = await providers.log();
  const { messages = [] } = (lastChat ?? {}) as { messages?: { role: string; content: unknown }[] };
  const users = messages.filter(({ role }) => role === 'user');
  return { text: plain(JSON.stringify(users.at(-1)?.content ?? '')), turn: users.length };
};

/** Waits until the agent has finished: what is heard later belongs to what comes next. */
export const whenSilent = (caller: Caller, ms = quietMs): Promise<number> =>
  caller.whenAgentQuiet({ quietMs: ms, timeoutMs: quietTimeoutMs });

/** Says a recording, and has the simulated recognizer understand it; settles with the speech's last sample. */
export const sayRecording = async (caller: Caller, providers: Providers, recording: Recording): Promise<Played> => {
  const { lead, speech, tail, words } = recording;
  // What is said is known before its first sound arrives.
  await providers.queueUtterance(words.map(({ text }) => text).join(' '), { words });
  caller.startSpeaking(lead);
  const speaking = caller.startSpeaking(speech);
  caller.startSpeaking(tail);
  return speaking.done;
};

type Spoken = Played & { earlyAt: number | null };

/** Says it once the agent's turn before is really over; again where something of that was still heard. */
const sayToSilence = async (
  caller: Caller,
  providers: Providers,
  recording: Recording,
  tally: Tally,
): Promise<Spoken> => {
  for (let attempt = 1; ; attempt += 1) {
    await providers.clearLog();
    const said = await sayRecording(caller, providers, recording);
    const earlyAt = caller.audioIn.firstSpeechSince(said.firstSampleAt)?.at ?? Infinity;
    const isStale = earlyAt < said.firstSampleAt + soonestMs;
    if (!isStale || attempt === attempts) return { ...said, earlyAt: earlyAt <= said.lastSampleAt ? earlyAt : null };
    tally.repeats += 1;
    await whenSilent(caller, disturbedQuietMs);
  }
};

/** Says one recording to a silent agent, and waits until the reply is over. @throws where the call ends */
export const exchange = async (
  caller: Caller,
  providers: Providers,
  recording: Recording,
  tally: Tally,
): Promise<Exchange> => {
  const { row, words, pauses } = recording;
  const isEcho = row.treatments?.includes('echo') === true;
  caller.setEcho(isEcho ? echo : null);
  const { firstSampleAt, lastSampleAt, earlyAt } = await sayToSilence(caller, providers, recording, tally);
  const heardAt = await replyAfter(caller, earlyAt === null ? firstSampleAt : nowMs());
  const isTooSoon = heardAt !== null && heardAt - lastSampleAt < soonestReplyMs - measuringErrorMs;
  const told = await lastHeard(providers);
  const understood = !isTooSoon && told.text.includes(plain(words.at(-1)?.text ?? ''));
  await whenSilent(caller, isEcho || earlyAt !== null || !understood ? disturbedQuietMs : quietMs);
  return {
    recording: row.name,
    kind: row.kind,
    treatments: row.treatments ?? [],
    pauses: pauses.length,
    cutInMs: earlyAt === null ? null : lastSampleAt - earlyAt,
    heardMs: earlyAt === null && heardAt !== null ? heardAt - lastSampleAt : null,
    understood,
    turn: told.turn,
  };
};

const replyAfter = async (caller: Caller, since: number): Promise<number | null> => {
  const limit = nowMs() + replyTimeoutMs;
  const waiting = caller.whenAgentSpeaks({ timeoutMs: replyTimeoutMs, since });
  return waiting.catch((error: unknown) => {
    if (nowMs() >= limit - 5) return null;
    throw error;
  });
};
