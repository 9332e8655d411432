/**
 * A simulated caller: to the server and the agent it is the SIP participant of a phone call. It rings until an audio track is
 * there, then picks up as LiveKit SIP does; audio from before that is lost.
 */
import type { RemoteTrack, Room } from '@livekit/rtc-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { synthesize } from '../speech/speech.ts';
import { openAudioIn, type AudioIn } from './audio-in.ts';
import { openAudioOut, type AudioOut, type Playback, type Played } from './audio-out.ts';
import { CallerError } from './caller-error.ts';
import type { EchoPath } from './echo.ts';
import { loadRtc, nowMs, type Rtc } from './rtc.ts';
import {
  createCallerToken,
  createSipCall,
  dispatchAgent,
  requestSipInbound,
  type LivekitAccess,
  type SipCall,
} from './sip-participant.ts';

export type { HeardFrame } from './audio-in.ts';
export type { Played } from './audio-out.ts';
export { closeRtc, nowMs } from './rtc.ts';

/** Samples per second of everything a caller says and hears, unless `sampleRate` is given. */
export const callerSampleRate = 16_000;

export type DialOptions = LivekitAccess & {
  /** The caller's number and the dialed one; the rest of the call is generated unless given. */
  from: string;
  to: string;
} & Partial<SipCall> & {
    /** Added to those of LiveKit's SIP participants; these win. */
    attributes?: Record<string, string>;
    /** The agent to dispatch, as a dispatch rule would; omit it if something else dispatches one. */
    agentName?: string;
    metadata?: string;
    /** The token to join with; room, identity and call id must match it. Default: one of our own. */
    token?: string;
    /** Asks the service first (docs/contract.md, section 2) and dispatches the agent it names. `secret` defaults to the API secret. */
    sipInbound?: { url: string; secret?: string };
    /** From the first audio track to `active`. Default 200. */
    pickUpMs?: number;
    sampleRate?: number;
    /** RMS of the line noise, in 16-bit units. Default 0. */
    noiseRms?: number;
    /** Keeps what the caller hears, for `audioIn.recording`. */
    recordAudio?: boolean;
    /** The espeak voice for texts. */
    voice?: string;
  };

/** How a call ended. `reason` is LiveKit's, such as ROOM_DELETED (the agent hung up) or CLIENT_INITIATED (the caller did). */
export type CallEnd = { at: number; reason: string };

/** All times are in ms since the epoch. */
export type Caller = AsyncDisposable & {
  room: Room;
  call: SipCall;
  dialedAt: number;
  /** When the call became `active`; null if it has not. */
  activeAt: () => number | null;
  whenActive: (timeoutMs: number) => Promise<number>;
  /** Says samples or a text once the call is active; resolves when the last sample has left the queue. */
  say: (speech: Int16Array | string) => Promise<Played>;
  /** Like `say`, but immediately, and it can be stopped. */
  startSpeaking: (pcm: Int16Array) => Playback;
  /** Switches a speakerphone on (null: off), through which the agent hears itself. */
  setEcho: (path: EchoPath | null) => void;
  /** The samples of a text in this caller's voice. */
  synthesize: (text: string) => Promise<Int16Array>;
  audioIn: Pick<AudioIn, 'frames' | 'recording' | 'clippedMs' | 'droppedFrames' | 'firstSpeechSince' | 'lastSpeech'>;
  firstHeardAt: () => number | null;
  /** Resolves with the time of the first speech at or after `since` (default: now). */
  whenAgentSpeaks: (options: { timeoutMs: number; since?: number }) => Promise<number>;
  /** Resolves once the caller has heard nothing for `quietMs`, with the time at which the silence began. */
  whenAgentQuiet: (options: { quietMs: number; timeoutMs: number }) => Promise<number>;
  whenEnded: () => Promise<CallEnd>;
  /** Resolves once LiveKit knows. */
  hangUp: () => Promise<void>;
  sendDtmf: (digits: string) => Promise<void>;
};

const keys = '0123456789*#ABCD';
const keyGapMs = 120;
const pollMs = 5;
const closeTimeoutMs = 5_000;

type CallState = {
  rtc: Rtc;
  room: Room;
  call: SipCall;
  options: DialOptions;
  audioIn: AudioIn;
  audioOut: AudioOut;
  dialedAt: number;
  activeAt: number | null;
  end: CallEnd | null;
  ended: PromiseWithResolvers<CallEnd>;
};

const endCall = (state: CallState, reason: string): void => {
  state.end ??= { at: nowMs(), reason };
  state.ended.resolve(state.end);
};

/** Polls `probe` until it returns a value. @throws CallerError when the call ends or the time runs out first */
const until = async <T>(state: CallState, what: string, timeoutMs: number, probe: () => T | null): Promise<T> => {
  for (const limit = nowMs() + timeoutMs; ; await sleep(pollMs)) {
    const value = probe();
    if (value !== null) return value;
    if (state.end !== null) throw new CallerError(`The call ended (${state.end.reason}) while waiting for ${what}.`);
    if (nowMs() > limit) throw new CallerError(`Timed out after ${Math.round(timeoutMs)} ms waiting for ${what}.`);
  }
};

/** What LiveKit SIP does once the caller can hear an audio track: 200 OK, and media soon after. */
const pickUp = async (state: CallState): Promise<void> => {
  await sleep(state.options.pickUpMs ?? 200);
  if (state.end !== null) return;
  state.activeAt = nowMs();
  await state.room.localParticipant?.setAttributes({ 'sip.callStatus': 'active' });
};

const followRoom = (state: CallState): void => {
  const { rtc, room, audioIn } = state;
  let isRinging = true;
  room.on(rtc.RoomEvent.TrackSubscribed, (track: RemoteTrack) => {
    if (track.kind !== rtc.TrackKind.KIND_AUDIO) return;
    audioIn.addTrack(track);
    if (!isRinging) return;
    isRinging = false;
    pickUp(state).catch((error: unknown) => endCall(state, `could not pick up: ${String(error)}`));
  });
  room.on(rtc.RoomEvent.Disconnected, (reason) => endCall(state, rtc.DisconnectReason[reason] ?? String(reason)));
};

/** Creates room and dispatch together, as a dispatch rule does; the caller's track is published before the call is answered. */
const connect = async (state: CallState, livekit: LivekitAccess): Promise<void> => {
  const { room, call, options } = state;
  const { sipInbound } = options;
  const response = sipInbound
    ? await requestSipInbound({ url: sipInbound.url, secret: sipInbound.secret ?? livekit.apiSecret }, call)
    : null;
  const agentName = response?.agentName ?? options.agentName;
  const metadata = response?.metadata ?? options.metadata;
  const attributes = { ...response?.attributes, ...options.attributes };
  const token = options.token ?? (await createCallerToken(livekit, call, attributes));
  const dispatched = agentName === undefined ? null : dispatchAgent(livekit, call.room, { agentName, metadata });
  await Promise.all([room.connect(livekit.url, token, { autoSubscribe: true, dynacast: false }), dispatched]);
  await publishAudio(state);
};

const publishAudio = async ({ rtc, room, audioOut }: CallState): Promise<void> => {
  const track = rtc.LocalAudioTrack.createAudioTrack('phone', audioOut.source);
  const options = new rtc.TrackPublishOptions({ source: rtc.TrackSource.SOURCE_MICROPHONE, dtx: false, red: false });
  await room.localParticipant?.publishTrack(track, options);
};

const hangUp = async (state: CallState): Promise<void> => {
  await state.room.disconnect();
  endCall(state, 'CLIENT_INITIATED');
};

const closeAll = async (state: CallState): Promise<void> => {
  await hangUp(state);
  await state.audioIn[Symbol.asyncDispose]();
  await state.audioOut[Symbol.asyncDispose]();
};

/** rtc-node may never return from leaving a room whose server has just restarted; what is left then ends with the process. */
const close = (state: CallState): Promise<void> =>
  Promise.race([closeAll(state), sleep(closeTimeoutMs, undefined, { ref: false })]);

const sendDtmf = async (state: CallState, digits: string): Promise<void> => {
  for (const digit of digits) {
    const code = keys.indexOf(digit);
    if (code < 0) throw new CallerError(`Not a key of a phone: ${digit}.`);
    await state.room.localParticipant?.publishDtmf(code, digit);
    await sleep(keyGapMs);
  }
};

const failSpeech = (end: CallEnd): never => {
  throw new CallerError(`The call ended (${end.reason}) while the caller was speaking.`);
};

const callerOf = (state: CallState): Caller => {
  const { room, call, dialedAt, audioIn, audioOut, options } = state;
  const whenActive = (timeoutMs: number) => until(state, 'an answer', timeoutMs, () => state.activeAt);
  const voice = { voice: options.voice ?? 'caller', sampleRate: options.sampleRate ?? callerSampleRate };
  return {
    room,
    call,
    dialedAt,
    audioIn,
    whenActive,
    synthesize: (text) => synthesize(text, voice),
    activeAt: () => state.activeAt,
    startSpeaking: audioOut.play,
    setEcho: audioOut.setEcho,
    say: async (speech) => {
      const pcm = typeof speech === 'string' ? await synthesize(speech, voice) : speech;
      await whenActive(Infinity);
      return Promise.race([audioOut.play(pcm).done, state.ended.promise.then(failSpeech)]);
    },
    firstHeardAt: () => audioIn.firstSpeechSince(0)?.at ?? null,
    whenAgentSpeaks: ({ timeoutMs, since = nowMs() }) =>
      until(state, 'speech from the agent', timeoutMs, () => audioIn.firstSpeechSince(since)?.at ?? null),
    whenAgentQuiet: ({ quietMs, timeoutMs }) => {
      const startedAt = nowMs();
      const quietSince = () => Math.max(audioIn.lastSpeech()?.at ?? 0, startedAt);
      return until(state, 'silence from the agent', timeoutMs, () =>
        nowMs() - quietSince() >= quietMs ? quietSince() : null,
      );
    },
    whenEnded: () => state.ended.promise,
    hangUp: () => hangUp(state),
    sendDtmf: (digits) => sendDtmf(state, digits),
    [Symbol.asyncDispose]: () => close(state),
  };
};

const sipCallOf = ({ from, to, room, identity, callId, trunkId }: DialOptions): SipCall => {
  const given = Object.entries({ room, identity, callId, trunkId }).filter(([, value]) => value !== undefined);
  return createSipCall({ from, to, ...Object.fromEntries(given) });
};

/**
 * Places a call. Resolves when the caller is in the room and its track is published, which is before anyone answers. Calls can
 * run in parallel. Disposing hangs up; after the last call, `closeRtc` lets the process exit.
 * @throws CallerError if the service rejects the call; LiveKit's own error if the room can't be joined
 */
export const dial = async (options: DialOptions): Promise<Caller> => {
  const rtc = await loadRtc();
  const sampleRate = options.sampleRate ?? callerSampleRate;
  const state: CallState = {
    rtc,
    options,
    room: new rtc.Room(),
    call: sipCallOf(options),
    audioOut: openAudioOut(rtc, { sampleRate, noiseRms: options.noiseRms ?? 0 }),
    audioIn: openAudioIn(rtc, {
      sampleRate,
      record: options.recordAudio ?? false,
      isConnected: () => state.activeAt !== null,
      onAudio: (samples) => state.audioOut.loopBack(samples),
    }),
    dialedAt: nowMs(),
    activeAt: null,
    end: null,
    ended: Promise.withResolvers(),
  };
  followRoom(state);
  try {
    await connect(state, options);
  } catch (error) {
    await close(state);
    throw error;
  }
  return callerOf(state);
};
