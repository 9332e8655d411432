/** Creates an empty room, then polls the service until it has received LiveKit's signed event about it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { openLivekit, type Livekit } from '../livekit/client.ts';
import { signatureHeaders, unprovenKinds } from '../livekit/webhook-auth.ts';
import { newCheckRoom, type ProbeStatus } from '../livekit/webhook-probe.ts';
import { probeFailed, probed, errorSentence, probeSkipped, type ProbeResult } from './check.ts';
import { httpRequest, noAnswerReason } from './probe-http.ts';
import type { ServiceHealth, WebhookDelivery } from './probe-results.ts';

const waitMs = 10_000;
/** An unproven event may come from elsewhere, so the authentic one gets this long to follow. */
const graceMs = 2_000;
const pollIntervalMs = 250;
/** LiveKit closes the room by itself if this process dies first. */
const emptyTimeoutSeconds = 30;

const statusBody = z.object({
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

/** @param service the result of probing the service, which must receive the event */
export const probeWebhook = async (
  config: Config,
  service: ProbeResult<ServiceHealth>,
): Promise<ProbeResult<WebhookDelivery>> => {
  const { publicUrl, livekit: project } = config;
  if (publicUrl === null)
    return probeFailed(
      'public_url_missing',
      'PUBLIC_URL is not set, so the address for LiveKit webhooks is unknown.',
      'Set PUBLIC_URL to the public address of the service, such as https://agent.example.com.',
    );
  if (project === null) return probeSkipped('LiveKit is not configured.');
  if (service.kind !== 'ok') return probeSkipped('The service does not answer.');
  const livekit = openLivekit(project);
  const room = newCheckRoom();
  const startedMs = performance.now();
  try {
    await livekit.createRoom(room, emptyTimeoutSeconds);
  } catch (error) {
    return probeSkipped(errorSentence(error));
  }
  try {
    return await poll({ url: publicUrl, secret: project.apiSecret, room, startedMs });
  } finally {
    await discard(livekit, room);
  }
};

/** Errors don't matter: an empty room closes by itself. */
const discard = (livekit: Livekit, room: string): Promise<void> => livekit.deleteRoom(room).catch(() => undefined);

type Poll = Readonly<{ url: string; secret: string; room: string; startedMs: number }>;

const poll = async ({ url, secret, room, startedMs }: Poll): Promise<ProbeResult<WebhookDelivery>> => {
  for (;;) {
    const status = await queryStatus(url, secret, room);
    if (status.kind !== 'ok') return status;
    const { arrived, unproven } = status.value;
    const waitedMs = performance.now() - startedMs;
    if (arrived) return probed({ arrived, unproven, waitedMs });
    const agoMs = (unproven?.secondsAgo ?? Infinity) * 1000;
    const recent = agoMs < waitedMs ? unproven : null; // events from before the room was created don't count
    if (waitedMs >= waitMs || (recent !== null && agoMs >= graceMs))
      return probed({ arrived, unproven: recent, waitedMs });
    await sleep(pollIntervalMs);
  }
};

const queryStatus = async (url: string, secret: string, room: string): Promise<ProbeResult<ProbeStatus>> => {
  const body = JSON.stringify({ room });
  try {
    // On a new connection, a load balancer may pick another machine.
    const headers = { ...signatureHeaders(body, secret), connection: 'close' };
    const { status, text } = await httpRequest(`${url}/api/v1/webhooks/livekit/check`, {
      method: 'POST',
      body,
      headers,
    });
    if (status === 401)
      return probeFailed(
        'service_key_differs',
        'The service rejects our signature: its LIVEKIT_API_SECRET differs from the one of this command.',
        'Run the service and this command with the same LIVEKIT_API_KEY and LIVEKIT_API_SECRET.',
      );
    const parsed = status === 200 ? statusBody.safeParse(JSON.parse(text)) : null;
    if (parsed?.success !== true)
      return probeFailed(
        'service_unknown',
        `The service has no webhook check (status ${status}): it may run another version.`,
        'Start this version of the service: npm start',
      );
    const { arrived, unproven } = parsed.data;
    return probed({ arrived, unproven: unproven === null ? null : { ...unproven, secondsAgo: unproven.seconds_ago } });
  } catch (error) {
    return probeFailed('service_unreachable', `The service at ${url} ${noAnswerReason(error)}.`, 'Check again.');
  }
};
