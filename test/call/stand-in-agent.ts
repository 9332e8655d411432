/** Somebody at the other end of a simulated call: joins the room as an agent, sends tones and texts, hears the caller. */
import type { RemoteParticipant, Room } from '@livekit/rtc-node';
import { AccessToken } from 'livekit-server-sdk';
import { openAudioIn, type AudioIn } from '#src/simulators/caller/audio-in.ts';
import { openAudioOut, type AudioOut } from '#src/simulators/caller/audio-out.ts';
import { loadRtc } from '#src/simulators/caller/rtc.ts';
import type { LivekitAccess } from '#src/simulators/caller/sip-participant.ts';

export const agentSampleRate = 16_000;

/** A tone of 440 Hz, loud enough to count as speech. */
export const tone = (ms: number, amplitude = 8_000): Int16Array =>
  Int16Array.from(
    { length: (agentSampleRate * ms) / 1000 },
    (_, n) => amplitude * Math.sin((2 * Math.PI * 440 * n) / agentSampleRate),
  );

export type StandInAgent = AsyncDisposable & {
  room: Room;
  audioOut: AudioOut;
  audioIn: AudioIn;
  digits: string[];
  /** Every change of the caller's `sip.callStatus` that was seen. */
  callStatus: string[];
  publish: () => Promise<void>;
  /** As @livekit/agents sends it: whole segments of a speaker, by topic. */
  transcribe: (identity: string, segment: string, text: string, final: boolean) => Promise<void>;
};

/** Joins `roomName`; hears and is told what happens there; is silent until it publishes. */
export const joinAsAgent = async (server: LivekitAccess, roomName: string): Promise<StandInAgent> => {
  const rtc = await loadRtc();
  const room = new rtc.Room();
  const voice = openAudioOut(rtc, { sampleRate: agentSampleRate, noiseRms: 0 });
  const ear = openAudioIn(rtc, { sampleRate: agentSampleRate, record: false, isConnected: () => true });
  const digits: string[] = [];
  const callStatus: string[] = [];
  room.on(rtc.RoomEvent.TrackSubscribed, (track) => ear.addTrack(track));
  room.on(rtc.RoomEvent.DtmfReceived, (_code, digit) => digits.push(digit));
  room.on(rtc.RoomEvent.ParticipantAttributesChanged, (changed) => {
    if (changed['sip.callStatus'] !== undefined) callStatus.push(changed['sip.callStatus']);
  });
  const token = new AccessToken(server.apiKey, server.apiSecret, { identity: `agent-${roomName}` });
  token.kind = 'agent';
  token.addGrant({ roomJoin: true, room: roomName, canPublish: true, canSubscribe: true, canPublishData: true });
  await room.connect(server.url, await token.toJwt(), { autoSubscribe: true, dynacast: false });
  return {
    room,
    audioOut: voice,
    audioIn: ear,
    digits,
    callStatus,
    publish: async () => {
      const track = rtc.LocalAudioTrack.createAudioTrack('agent', voice.source);
      const options = new rtc.TrackPublishOptions({ source: rtc.TrackSource.SOURCE_MICROPHONE });
      await room.localParticipant?.publishTrack(track, options);
    },
    transcribe: async (identity, segment, text, final) => {
      const attributes = { 'lk.segment_id': segment, 'lk.transcription_final': String(final) };
      const options = { topic: 'lk.transcription', senderIdentity: identity, attributes };
      const writer = await room.localParticipant?.streamText(options);
      await writer?.write(text);
      await writer?.close();
    },
    [Symbol.asyncDispose]: async () => {
      await room.disconnect();
      await ear[Symbol.asyncDispose]();
      await voice[Symbol.asyncDispose]();
    },
  };
};

export const callerIn = (agent: StandInAgent): RemoteParticipant | undefined =>
  [...agent.room.remoteParticipants.values()][0];
