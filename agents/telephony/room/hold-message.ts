/** A caller whose call can't be had yet is kept company: a sentence that was prepared, again and again, without a session. */
import {
  AudioSource,
  LocalAudioTrack,
  TrackPublishOptions,
  TrackSource,
  type RemoteParticipant,
  type Room,
} from '@livekit/rtc-node';
import type { ClaimResult } from '#src/protocol/messages.ts';
import type { Log } from '#src/log.ts';
import { waitForActive, waitForListener, watchRoom } from './caller-presence.ts';
import type { AgentLink, Wait } from '../report/agent-link.ts';
import { openCachedSpeech } from '../speech/cached-speech.ts';
import { speechSampleRate } from '#src/protocol/speech-request.ts';
import { atMost } from '#src/time-limit.ts';

const againAfterMs = 8_000;
const hearingTimeoutMs = 4_000;
/** Nobody waits for longer on the phone. */
const longestMs = 300_000;

/**
 * Answers the caller and says the sentence, every ten seconds or so, until there is a verdict. What has begun is said to its end.
 * @returns the verdict; null where the caller left before it, or has waited for five minutes
 * @throws when the link breaks
 */
export const playHoldMessage = async (
  room: Room,
  caller: RemoteParticipant,
  { text, cachedSpeech }: Wait,
  { link, log }: { link: AgentLink; log: Log },
): Promise<ClaimResult | null> => {
  log.warn('no verdict yet: the caller is asked to wait');
  const given = Promise.withResolvers<ClaimResult | null>();
  link.claimResult.then(given.resolve, given.reject);
  const giveUp = () => given.resolve(null);
  using _watch = watchRoom(room, caller.identity, giveUp);
  const timer = setTimeout(giveUp, longestMs);
  let isOver = false;
  const over = given.promise.then(
    () => (isOver = true),
    () => (isOver = true),
  );
  const sounds = openCachedSpeech(cachedSpeech, (detail) => log.error({ detail }, 'the caller hears nothing'));
  await using voice = await publishTrack(room, caller);
  while (!isOver) {
    for await (const frame of (await sounds.soundOf(text)) ?? []) await voice.source.captureFrame(frame);
    await voice.source.waitForPlayout();
    await atMost(againAfterMs, over);
  }
  clearTimeout(timer);
  return await given.promise;
};

/** Publishing a voice is what answers a phone call. Gives it once the caller can hear it. */
const publishTrack = async (
  room: Room,
  caller: RemoteParticipant,
): Promise<AsyncDisposable & { source: AudioSource }> => {
  const { localParticipant } = room;
  if (localParticipant === undefined) throw new Error('not in the room');
  const source = new AudioSource(speechSampleRate, 1);
  const track = LocalAudioTrack.createAudioTrack('company', source);
  const listening = waitForListener(room, hearingTimeoutMs);
  const options = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE });
  const { sid } = await localParticipant.publishTrack(track, options);
  await Promise.all([listening, waitForActive(room, caller, hearingTimeoutMs)]);
  return {
    source,
    [Symbol.asyncDispose]: async () => {
      if (room.isConnected && sid !== undefined) await localParticipant.unpublishTrack(sid);
      await track.close();
    },
  };
};
