/** A phone call as LiveKit sees it before there is any audio: a room, a participant of kind SIP, a dispatched agent. */
import { createHmac, randomBytes } from 'node:crypto';
import { AccessToken, AgentDispatchClient } from 'livekit-server-sdk';
import { z } from 'zod';
import { CallerError } from './caller-error.ts';

export type LivekitAccess = { url: string; apiKey: string; apiSecret: string };

export type SipCall = {
  room: string;
  identity: string;
  /** The caller's number and the dialed one, as the carrier sends them. */
  from: string;
  to: string;
  callId: string;
  trunkId: string;
};

type SipInboundResponse = { agentName: string; metadata: string; attributes: Record<string, string> };

const randomId = (): string => randomBytes(9).toString('base64url').replace(/[-_]/g, 'x');

/** Whatever isn't given is generated in the format of LiveKit SIP. */
export const createSipCall = (given: { from: string; to: string } & Partial<SipCall>): SipCall => ({
  room: `sip-room-${randomId()}`,
  identity: `sip_${given.from || 'anonymous'}`,
  callId: `SCL_${randomId()}`,
  trunkId: 'ST_simulated',
  ...given,
});

/** The attributes of LiveKit's SIP participants; a call starts out ringing. */
const sipAttributes = (call: SipCall): Record<string, string> => ({
  'sip.phoneNumber': call.from,
  'sip.trunkPhoneNumber': call.to,
  'sip.callID': call.callId,
  'sip.trunkID': call.trunkId,
  'sip.ruleID': 'SDR_simulated',
  'sip.callStatus': 'ringing',
});

/** The participant may change its own attributes, as the SIP service does when a call is answered. */
export const createCallerToken = async (
  livekit: LivekitAccess,
  call: SipCall,
  attributes: Record<string, string> = {},
): Promise<string> => {
  const token = new AccessToken(livekit.apiKey, livekit.apiSecret, {
    identity: call.identity,
    name: `Phone ${call.from}`,
    ttl: '1h',
    attributes: { ...sipAttributes(call), ...attributes },
  });
  token.kind = 'sip';
  token.addGrant({
    roomJoin: true,
    room: call.room,
    canPublish: true,
    canSubscribe: true,
    canPublishData: true,
    canUpdateOwnMetadata: true,
  });
  return token.toJwt();
};

/** Dispatches an agent to the room, as a dispatch rule does. */
export const dispatchAgent = async (
  livekit: LivekitAccess,
  room: string,
  agent: { agentName: string; metadata?: string | undefined },
): Promise<void> => {
  const client = new AgentDispatchClient(livekit.url.replace(/^ws/, 'http'), livekit.apiKey, livekit.apiSecret);
  await client.createDispatch(room, agent.agentName, agent.metadata === undefined ? {} : { metadata: agent.metadata });
};

const sipInboundResponse = z.object({
  agent_name: z.string(),
  metadata: z.string(),
  attributes: z.record(z.string(), z.string()),
});

/** The service rejects the call, or the request itself. */
export class CallRejected extends CallerError {
  readonly status: number;
  constructor(url: string, status: number, body: string) {
    super(`${url} responded with ${status}: ${body}`);
    this.status = status;
  }
}

/**
 * Asks the service which agent takes the call (docs/contract.md, section 2), signed with the secret.
 * @throws CallRejected with the status and body if the service rejects it
 */
export const requestSipInbound = async (
  endpoint: { url: string; secret: string },
  call: SipCall,
): Promise<SipInboundResponse> => {
  const body = JSON.stringify({
    call_id: call.callId,
    trunk_id: call.trunkId,
    trunk_phone_number: call.to,
    from_number: call.from,
    to_number: call.to,
    room_name: call.room,
    timestamp: new Date().toISOString(),
  });
  const signature = `sha256=${createHmac('sha256', endpoint.secret).update(body).digest('hex')}`;
  const response = await fetch(endpoint.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-livekit-signature': signature },
    body,
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  if (!response.ok) throw new CallRejected(endpoint.url, response.status, text);
  const { agent_name: agentName, metadata, attributes } = sipInboundResponse.parse(JSON.parse(text));
  return { agentName, metadata, attributes };
};
