/** Plays a cached message, again and again, to a caller whose call can't be claimed yet. It needs no session. */
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

const pauseMs = 8_000;
const activeTimeoutMs = 4_000;
const maxWaitMs = 300_000;

/**
 * Answers the phone and plays the message every ten seconds or so until the claim result arrives. The message is never cut off.
 * @returns the claim result; null if the caller has left, or after five minutes
 * @throws if the link breaks
 */
export const playHoldMessage = async (
  room: Room,
  caller: RemoteParticipant,
  { text, cachedSpeech }: Wait,
  { link, log }: { link: AgentLink; log: Log },
): Promise<ClaimResult | null> => {
  log.warn('no claim result yet: the caller is asked to wait');
  const result = Promise.withResolvers<ClaimResult | null>();
  link.claimResult.then(result.resolve, result.reject);
  const giveUp = () => result.resolve(null);
  using _watch = watchRoom(room, caller.identity, giveUp);
  const timer = setTimeout(giveUp, maxWaitMs);
  let isOver = false;
  const over = result.promise.then(
    () => (isOver = true),
    () => (isOver = true),
  );
  const speech = openCachedSpeech(cachedSpeech, (detail) => log.error({ detail }, 'the caller hears nothing'));
  await using track = await publishTrack(room, caller);
  while (!isOver) {
    for await (const frame of (await speech.framesOf(text)) ?? []) await track.source.captureFrame(frame);
    await track.source.waitForPlayout();
    await atMost(pauseMs, over);
  }
  clearTimeout(timer);
  return await result.promise;
};

/** Publishes an audio track, which answers a phone call; resolves when the caller can hear it. */
const publishTrack = async (
  room: Room,
  caller: RemoteParticipant,
): Promise<AsyncDisposable & { source: AudioSource }> => {
  const { localParticipant } = room;
  if (localParticipant === undefined) throw new Error('not in the room');
  const source = new AudioSource(speechSampleRate, 1);
  const track = LocalAudioTrack.createAudioTrack('hold-message', source);
  const listening = waitForListener(room, activeTimeoutMs);
  const options = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE });
  const { sid } = await localParticipant.publishTrack(track, options);
  await Promise.all([listening, waitForActive(room, caller, activeTimeoutMs)]);
  return {
    source,
    [Symbol.asyncDispose]: async () => {
      if (room.isConnected && sid !== undefined) await localParticipant.unpublishTrack(sid);
      await track.close();
    },
  };
};
