/** The answer to sip-inbound (docs/contract.md, section 2): which agent takes the call, and the metadata for its job. */
import type { Call } from './call.ts';

type SipInboundAnswer = Readonly<{
  agent_name: string;
  /** JSON in a string. */
  metadata: string;
  attributes: Readonly<{ inbound: 'true'; phone_number: string; caller: string }>;
}>;

export const sipInboundAnswerOf = (
  call: Pick<Call, 'phoneNumberId' | 'tenantId' | 'campaignId' | 'phoneNumber' | 'dialedNumber'>,
  agentName: string,
): SipInboundAnswer => ({
  agent_name: agentName,
  metadata: JSON.stringify({
    call_type: 'inbound',
    phone_number_id: call.phoneNumberId,
    tenant_id: call.tenantId,
    campaign_id: call.campaignId,
    from_number: call.phoneNumber,
    to_number: call.dialedNumber,
  }),
  attributes: { inbound: 'true', phone_number: call.dialedNumber, caller: call.phoneNumber },
});
