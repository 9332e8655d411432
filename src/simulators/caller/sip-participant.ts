/** What a phone call looks like to LiveKit before there is any audio: a room, a participant of kind SIP, an agent sent there. */
import { createHmac, randomBytes } from 'node:crypto';
import { AccessToken, AgentDispatchClient } from 'livekit-server-sdk';
import { z } from 'zod';
import { CallerError } from './caller-error.ts';

export type LivekitAccess = { url: string; apiKey: string; apiSecret: string };

export type SipCall = {
  room: string;
  identity: string;
  /** Who calls and which number was dialled, as a carrier gives them. */
  from: string;
  to: string;
  callId: string;
  trunkId: string;
};

export type SipInboundResponse = { agentName: string; metadata: string; attributes: Record<string, string> };

const randomId = (): string => randomBytes(9).toString('base64url').replace(/[-_]/g, 'x');

/** A call's names: the ones given, the rest as LiveKit SIP makes them. */
export const createSipCall = (given: { from: string; to: string } & Partial<SipCall>): SipCall => ({
  room: `sip-room-${randomId()}`,
  identity: `sip_${given.from || 'anonymous'}`,
  callId: `SCL_${randomId()}`,
  trunkId: 'ST_simulated',
  ...given,
});

/** The attributes of LiveKit's SIP participants; a call begins ringing. */
export const sipAttributes = (facts: SipCall): Record<string, string> => ({
  'sip.phoneNumber': facts.from,
  'sip.trunkPhoneNumber': facts.to,
  'sip.callID': facts.callId,
  'sip.trunkID': facts.trunkId,
  'sip.ruleID': 'SDR_simulated',
  'sip.callStatus': 'ringing',
});

/** The token of such a participant. It may change its own attributes, as the SIP service does when the call is answered. */
export const createCallerToken = async (
  livekit: LivekitAccess,
  facts: SipCall,
  attributes: Record<string, string> = {},
): Promise<string> => {
  const token = new AccessToken(livekit.apiKey, livekit.apiSecret, {
    identity: facts.identity,
    name: `Phone ${facts.from}`,
    ttl: '1h',
    attributes: { ...sipAttributes(facts), ...attributes },
  });
  token.kind = 'sip';
  token.addGrant({
    roomJoin: true,
    room: facts.room,
    canPublish: true,
    canSubscribe: true,
    canPublishData: true,
    canUpdateOwnMetadata: true,
  });
  return token.toJwt();
};

/** Sends an agent to the room, as a dispatch rule does. */
export const dispatchAgent = async (
  livekit: LivekitAccess,
  room: string,
  agent: { agentName: string; metadata?: string | undefined },
): Promise<void> => {
  const client = new AgentDispatchClient(livekit.url.replace(/^ws/, 'http'), livekit.apiKey, livekit.apiSecret);
  await client.createDispatch(room, agent.agentName, agent.metadata === undefined ? {} : { metadata: agent.metadata });
};

const answerSchema = z.object({
  agent_name: z.string(),
  metadata: z.string(),
  attributes: z.record(z.string(), z.string()),
});

/** The service refuses the call, or the question. */
export class CallRejected extends CallerError {
  readonly status: number;
  constructor(url: string, status: number, body: string) {
    super(`${url} answered ${status}: ${body}`);
    this.status = status;
  }
}

/**
 * Asks the service which agent takes the call (contract §2), signed with the secret.
 * @throws RefusedCall with the status and body where it refuses
 */
export const requestSipInbound = async (
  ask: { url: string; secret: string },
  facts: SipCall,
): Promise<SipInboundResponse> => {
  const body = JSON.stringify({
    call_id: facts.callId,
    trunk_id: facts.trunkId,
    trunk_phone_number: facts.to,
    from_number: facts.from,
    to_number: facts.to,
    room_name: facts.room,
    timestamp: new Date().toISOString(),
  });
  const signature = `sha256=${createHmac('sha256', ask.secret).update(body).digest('hex')}`;
  const response = await fetch(ask.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-livekit-signature': signature },
    body,
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  if (!response.ok) throw new CallRejected(ask.url, response.status, text);
  const answer = answerSchema.parse(JSON.parse(text));
  return { agentName: answer.agent_name, metadata: answer.metadata, attributes: answer.attributes };
};
