/** Which tenant has which of Twilio's Elastic SIP trunks (TK…). */
export type TrunkRecord = Readonly<{ twilioTrunkSid: string; name: string; tenantId: string; isActive: boolean }>;
