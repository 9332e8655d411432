/** Makes an empty room, and waits for the service to say that LiveKit's signed event of it came. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { openLivekit, type Livekit } from '../livekit/client.ts';
import { signatureOf, unprovenKinds } from '../livekit/webhook-auth.ts';
import { newCheckRoom, type Sighting } from '../livekit/webhook-probe.ts';
import { failed, seen, sentenceOf, unseen, type Look } from './check.ts';
import { ask, whyNoAnswer } from './probe-http.ts';
import type { ServiceSeen, WebhookSeen } from './probe-results.ts';

const waitMs = 10_000;
/** After an event that proved nothing, a proven one may still come: others may call the same address. */
const graceMs = 2_000;
const askEveryMs = 250;
/** The room ends by itself, should this process end first. */
const emptyTimeoutSeconds = 30;

const sightingBody = z.object({
  arrived: z.boolean(),
  unproven: z
    .object({
      kind: z.enum(unprovenKinds),
      issuer: z.string().nullable(),
      count: z.number(),
      seconds_ago: z.number(),
    })
    .nullable(),
});

/** @param service how the service was found: it is the one that is to be told of the event */
export const lookAtWebhook = async (config: Config, service: Look<ServiceSeen>): Promise<Look<WebhookSeen>> => {
  const { publicUrl, livekit: project } = config;
  if (publicUrl === null)
    return failed(
      'public_url_missing',
      'PUBLIC_URL is not set, so nobody knows where LiveKit has to send its webhooks.',
      'set PUBLIC_URL to the address under which the world reaches the service, such as https://agent.example.com',
    );
  if (project === null) return unseen('LiveKit has to be configured first.');
  if (service.kind !== 'seen') return unseen('The service has to answer first.');
  const livekit = openLivekit(project);
  const room = newCheckRoom();
  const startedMs = performance.now();
  try {
    await livekit.createRoom(room, emptyTimeoutSeconds);
  } catch (error) {
    return unseen(`LiveKit has to answer first: ${sentenceOf(error)}`);
  }
  try {
    return await watch({ url: publicUrl, secret: project.apiSecret, room, startedMs });
  } finally {
    await discard(livekit, room);
  }
};

/** It is empty, and ends by itself: that it can't be deleted changes nothing of what was found. */
const discard = (livekit: Livekit, room: string): Promise<void> => livekit.deleteRoom(room).catch(() => undefined);

type Watch = Readonly<{ url: string; secret: string; room: string; startedMs: number }>;

const watch = async ({ url, secret, room, startedMs }: Watch): Promise<Look<WebhookSeen>> => {
  for (;;) {
    const answer = await askSighting(url, secret, room);
    if (answer.kind !== 'seen') return answer;
    const { arrived, unproven } = answer.value;
    const waitedMs = performance.now() - startedMs;
    if (arrived) return seen({ arrived, unproven, waitedMs });
    const agoMs = (unproven?.secondsAgo ?? Infinity) * 1000;
    const ofNow = agoMs < waitedMs ? unproven : null; // one from before the room was made says nothing of it
    if (waitedMs >= waitMs || (ofNow !== null && agoMs >= graceMs)) return seen({ arrived, unproven: ofNow, waitedMs });
    await sleep(askEveryMs);
  }
};

const askSighting = async (url: string, secret: string, room: string): Promise<Look<Sighting>> => {
  const body = JSON.stringify({ room });
  try {
    const headers = { ...signatureOf(body, secret), connection: 'close' }; // of several machines, each is asked
    const { status, text } = await ask(`${url}/api/v1/webhooks/livekit/check`, { method: 'POST', body, headers });
    if (status === 401)
      return failed(
        'service_key_differs',
        'The service refuses our signature: its LIVEKIT_API_SECRET is another than that of this command.',
        'give the service and this command the same LIVEKIT_API_KEY and LIVEKIT_API_SECRET',
      );
    const told = status === 200 ? sightingBody.safeParse(JSON.parse(text)) : null;
    if (told?.success !== true)
      return failed(
        'service_unknown',
        `The service cannot be asked about webhooks (${status}).`,
        'start this version of it: npm start',
      );
    const { arrived, unproven } = told.data;
    return seen({ arrived, unproven: unproven === null ? null : { ...unproven, secondsAgo: unproven.seconds_ago } });
  } catch (error) {
    return failed('service_unreachable', `The service at ${url} ${whyNoAnswer(error)}.`, 'look again');
  }
};
