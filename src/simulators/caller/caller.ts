/**
 * The simulated caller: for server and agent the SIP participant that a phone call makes. It rings until somebody's audio track
 * is there, then picks up as LiveKit SIP does; what was said to it before is lost.
 */
import type { RemoteTrack, Room } from '@livekit/rtc-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { CallerError } from './caller-error.ts';
import { openAudioIn, type AudioIn } from './audio-in.ts';
import {
  requestSipInbound,
  createSipCall,
  createCallerToken,
  dispatchAgent,
  type SipCall,
  type LivekitAccess,
} from './sip-participant.ts';
import { openAudioOut, type EchoPath, type Played, type Playback, type AudioOut } from './audio-out.ts';
import { synthesize } from '../speech/speech.ts';
import { loadRtc, nowMs, type Rtc } from './rtc.ts';

export type { HeardFrame } from './audio-in.ts';
export type { EchoPath, Played as Said, Playback as Saying } from './audio-out.ts';
export { closeRtc, nowMs } from './rtc.ts';

/** Samples per second of everything a caller says and hears, unless `sampleRate` says otherwise. */
export const callerSampleRate = 16_000;

export type DialOptions = LivekitAccess & {
  /** The caller's number and the dialled one; the rest of the facts is made up where it isn't given. */
  from: string;
  to: string;
} & Partial<SipCall> & {
    /** Over those of LiveKit's SIP participants. */
    attributes?: Record<string, string>;
    /** Dispatched as a dispatch rule would; left out where something else sends the agent. */
    agentName?: string;
    metadata?: string;
    /** Joins with this one, as LiveKit SIP was given it; room, identity and call id are to be those of the token. */
    token?: string;
    /** Asks the service first (contract §2) and dispatches whom it names; `secret` is the API secret unless given. */
    sipInbound?: { url: string; secret?: string };
    /** From the first audio track to `active`. Default 200. */
    pickUpMs?: number;
    sampleRate?: number;
    /** RMS of the line's noise in 16-bit units. Default 0. */
    noiseRms?: number;
    /** Keeps what is heard, for `heard.recording`. */
    recordAudio?: boolean;
    /** espeak's voice for texts. */
    voice?: string;
  };

/** How a call ended: `reason` is LiveKit's name, such as ROOM_DELETED (they hung up) or CLIENT_INITIATED (we did). */
export type CallEnd = { at: number; reason: string };

export type Caller = AsyncDisposable & {
  room: Room;
  call: SipCall;
  /** When dialling began, and when the call became `active` (null: it did not). Times are ms since the epoch. */
  dialedAt: number;
  activeAt: () => number | null;
  whenActive: (timeoutMs: number) => Promise<number>;
  /** Says samples or a text once the call is active; settles when the last sample left the queue. */
  say: (words: Int16Array | string) => Promise<Played>;
  /** As `say`, but at once and to be stopped; a text has to be synthesised before. */
  startSpeaking: (pcm: Int16Array) => Playback;
  /** Switches a loudspeaker on (null: off), through which the agent hears itself. */
  setEcho: (path: EchoPath | null) => void;
  /** The samples of a text in this caller's voice. */
  synthesize: (text: string) => Promise<Int16Array>;
  audioIn: Pick<AudioIn, 'frames' | 'recording' | 'clippedMs' | 'droppedFrames' | 'firstSpeechSince' | 'lastSpeech'>;
  firstHeardAt: () => number | null;
  /** The time of the first speech heard at or after `since` (default: now). */
  whenAgentSpeaks: (options: { timeoutMs: number; since?: number }) => Promise<number>;
  /** Once nothing was heard for `quietMs`: the time since when it has been quiet. */
  whenAgentQuiet: (options: { quietMs: number; timeoutMs: number }) => Promise<number>;
  whenEnded: () => Promise<CallEnd>;
  /** Settles when LiveKit has taken note. */
  hangUp: () => Promise<void>;
  sendDtmf: (digits: string) => Promise<void>;
};

const keys = '0123456789*#ABCD';
const keyGapMs = 120;
const lookEveryMs = 5;
const closeTimeoutMs = 5_000;

type Line = {
  rtc: Rtc;
  room: Room;
  voice: AudioOut;
  ear: AudioIn;
  options: DialOptions;
  facts: SipCall;
  dialledAt: number;
  activeAt: number | null;
  end: CallEnd | null;
  ended: PromiseWithResolvers<CallEnd>;
};

const endCall = (line: Line, reason: string): void => {
  line.end ??= { at: nowMs(), reason };
  line.ended.resolve(line.end);
};

/** Looks until there is something to see; the end of the call ends the look too. */
const until = async <T>(line: Line, what: string, timeoutMs: number, look: () => T | null): Promise<T> => {
  for (const limit = nowMs() + timeoutMs; ; await sleep(lookEveryMs)) {
    const seen = look();
    if (seen !== null) return seen;
    if (line.end !== null) throw new CallerError(`The call ended (${line.end.reason}) before ${what}.`);
    if (nowMs() > limit) throw new CallerError(`${Math.round(timeoutMs)} ms passed before ${what}.`);
  }
};

/** What LiveKit SIP does once the caller's side can hear somebody: 200 OK, and media soon after. */
const pickUp = async (line: Line): Promise<void> => {
  await sleep(line.options.pickUpMs ?? 200);
  if (line.end !== null) return;
  line.activeAt = nowMs();
  await line.room.localParticipant?.setAttributes({ 'sip.callStatus': 'active' });
};

const hear = (line: Line): void => {
  const { rtc, room, ear } = line;
  let ringing = true;
  room.on(rtc.RoomEvent.TrackSubscribed, (track: RemoteTrack) => {
    if (track.kind !== rtc.TrackKind.KIND_AUDIO) return;
    ear.addTrack(track);
    if (!ringing) return;
    ringing = false;
    pickUp(line).catch((error: unknown) => endCall(line, `could not pick up: ${String(error)}`));
  });
  room.on(rtc.RoomEvent.Disconnected, (reason) => endCall(line, rtc.DisconnectReason[reason] ?? String(reason)));
};

/** Room and agent at once, as when a dispatch rule makes both; the line is published before anybody answers. */
const connect = async (line: Line, livekit: LivekitAccess): Promise<void> => {
  const { rtc, room, facts, options } = line;
  const answer = options.sipInbound
    ? await requestSipInbound(
        { url: options.sipInbound.url, secret: options.sipInbound.secret ?? livekit.apiSecret },
        facts,
      )
    : null;
  const agentName = answer?.agentName ?? options.agentName;
  const metadata = answer?.metadata ?? options.metadata;
  const token =
    options.token ?? (await createCallerToken(livekit, facts, { ...answer?.attributes, ...options.attributes }));
  const sent = agentName === undefined ? null : dispatchAgent(livekit, facts.room, { agentName, metadata });
  await Promise.all([room.connect(livekit.url, token, { autoSubscribe: true, dynacast: false }), sent]);
  const track = rtc.LocalAudioTrack.createAudioTrack('phone', line.voice.source);
  const publish = new rtc.TrackPublishOptions({ source: rtc.TrackSource.SOURCE_MICROPHONE, dtx: false, red: false });
  await room.localParticipant?.publishTrack(track, publish);
};

const hangUp = async (line: Line): Promise<void> => {
  await line.room.disconnect();
  endCall(line, 'CLIENT_INITIATED');
};

const closeAll = async (line: Line): Promise<void> => {
  await hangUp(line);
  await line.ear[Symbol.asyncDispose]();
  await line.voice[Symbol.asyncDispose]();
};

/** rtc-node may never answer who leaves a room whose server has just gone and come back: what is left ends with the process. */
const close = (line: Line): Promise<void> =>
  Promise.race([closeAll(line), sleep(closeTimeoutMs, undefined, { ref: false })]);

const sendDtmf = async (line: Line, digits: string): Promise<void> => {
  for (const digit of digits) {
    const code = keys.indexOf(digit);
    if (code < 0) throw new CallerError(`A phone has no key ${digit}.`);
    await line.room.localParticipant?.publishDtmf(code, digit);
    await sleep(keyGapMs);
  }
};

const callerOf = (line: Line): Caller => {
  const { room, facts, dialledAt, ear, voice, options } = line;
  const whenActive = (timeoutMs: number) => until(line, 'it was answered', timeoutMs, () => line.activeAt);
  const pronounce = (text: string) =>
    synthesize(text, { voice: options.voice ?? 'caller', sampleRate: options.sampleRate ?? callerSampleRate });
  return {
    room,
    call: facts,
    dialedAt: dialledAt,
    audioIn: ear,
    synthesize: pronounce,
    whenActive,
    activeAt: () => line.activeAt,
    startSpeaking: voice.play,
    setEcho: voice.setEcho,
    say: async (words) => {
      const pcm = typeof words === 'string' ? await pronounce(words) : words;
      await whenActive(Infinity);
      return Promise.race([voice.play(pcm).done, line.ended.promise.then(endedWhileSpeaking)]);
    },
    firstHeardAt: () => ear.firstSpeechSince(0)?.at ?? null,
    whenAgentSpeaks: ({ timeoutMs, since = nowMs() }) =>
      until(line, 'the agent spoke', timeoutMs, () => ear.firstSpeechSince(since)?.at ?? null),
    whenAgentQuiet: ({ quietMs, timeoutMs }) => {
      const asked = nowMs();
      const quietSince = () => Math.max(ear.lastSpeech()?.at ?? 0, asked);
      return until(line, 'the agent was quiet', timeoutMs, () =>
        nowMs() - quietSince() >= quietMs ? quietSince() : null,
      );
    },
    whenEnded: () => line.ended.promise,
    hangUp: () => hangUp(line),
    sendDtmf: (digits) => sendDtmf(line, digits),
    [Symbol.asyncDispose]: () => close(line),
  };
};

const endedWhileSpeaking = (end: CallEnd): never => {
  throw new CallerError(`The call ended (${end.reason}) while the caller spoke.`);
};

/**
 * Phones. Settles when the caller is in the room and its line is open, which is before anybody answered; several callers may
 * phone at the same time. Disposing hangs up. Throws a CallerError where the service refuses, and what LiveKit says where the
 * room can't be joined. After the last call `closeRtc` lets the process exit.
 */
export const dial = async (options: DialOptions): Promise<Caller> => {
  const rtc = await loadRtc();
  const sampleRate = options.sampleRate ?? callerSampleRate;
  const { url, apiKey, apiSecret, from, to, room, identity, callId, trunkId } = options;
  const given = Object.entries({ from, to, room, identity, callId, trunkId }).filter(
    ([, value]) => value !== undefined,
  );
  const line: Line = {
    rtc,
    options,
    room: new rtc.Room(),
    facts: createSipCall({ from, to, ...Object.fromEntries(given) }),
    voice: openAudioOut(rtc, { sampleRate, noiseRms: options.noiseRms ?? 0 }),
    ear: openAudioIn(rtc, {
      sampleRate,
      record: options.recordAudio ?? false,
      isConnected: () => line.activeAt !== null,
      onAudio: (samples) => line.voice.loopBack(samples),
    }),
    dialledAt: nowMs(),
    activeAt: null,
    end: null,
    ended: Promise.withResolvers(),
  };
  hear(line);
  try {
    await connect(line, { url, apiKey, apiSecret });
  } catch (error) {
    await close(line);
    throw error;
  }
  return callerOf(line);
};
