/** The tenant that an Elastic SIP trunk of Twilio (TK…) belongs to. */
export type TrunkRecord = Readonly<{ twilioTrunkSid: string; name: string; tenantId: string; isActive: boolean }>;
