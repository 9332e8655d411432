/** What the probes return: plain values, the only input of the diagnosis beside the configuration. */
import type { SipState } from '../livekit/sync.ts';
import type { ProbeStatus } from '../livekit/webhook-probe.ts';
import type { TrunkNumber } from '../numbers/store.ts';
import type { OwnedNumber } from '../numbers/owned-number.ts';
import type { RouteFacts } from '../routing/route.ts';
import type { Origination } from '../twilio/client.ts';
import type { Editable } from './store.ts';
import type { ProbeResult } from './check.ts';

/** A number to check; `record` is null when the database doesn't have it. */
export type NumberState = Readonly<{
  number: string;
  record: null | Readonly<{ facts: RouteFacts; editable: Editable }>;
}>;

export type DatabaseState = Readonly<{
  /** The requested number, or all active numbers. */
  numbers: readonly NumberState[];
  /** Every number of the installation. */
  all: readonly TrunkNumber[];
  hasSeveralTenants: boolean;
}>;

export type TwilioState = Readonly<{
  accountSid: string;
  owned: readonly OwnedNumber[];
  /** By trunk (TK…); only trunks of the numbers to check. */
  originations: Readonly<Record<string, readonly Origination[]>>;
}>;

/** The parts of a service's health that matter here; see http/health.ts. */
export type ServiceHealth = Readonly<{
  database: string;
  livekit: string;
  worker: string;
}>;

/** Whether the event of a check room arrived, and how long that took. */
export type WebhookDelivery = ProbeStatus & Readonly<{ waitedMs: number }>;

/** The HTTP status of a provider's answer to a request with our key. */
export type ProviderAnswer = Readonly<{ status: number }>;

export type ProbeResults = Readonly<{
  database: ProbeResult<DatabaseState>;
  twilio: ProbeResult<TwilioState>;
  livekit: ProbeResult<SipState>;
  service: ProbeResult<ServiceHealth>;
  webhook: ProbeResult<WebhookDelivery>;
  deepgram: ProbeResult<ProviderAnswer>;
  openai: ProbeResult<ProviderAnswer>;
}>;
