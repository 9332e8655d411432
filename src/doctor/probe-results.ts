/** What the doctor looks at: plain values, from which everything else is concluded. */
import type { SipState } from '../livekit/sync.ts';
import type { Sighting } from '../livekit/webhook-probe.ts';
import type { TrunkNumber } from '../numbers/store.ts';
import type { OwnedNumber } from '../numbers/owned-number.ts';
import type { RouteFacts } from '../routing/route.ts';
import type { Origination } from '../twilio/client.ts';
import type { Editable } from './store.ts';
import type { Look } from './check.ts';

/** A number that is judged; `record` null: we don't have it. */
export type NumberSeen = Readonly<{
  number: string;
  record: null | Readonly<{ facts: RouteFacts; editable: Editable }>;
}>;

export type DatabaseSeen = Readonly<{
  /** The number that was asked about, else all that are active. */
  numbers: readonly NumberSeen[];
  /** Every number of the installation. */
  all: readonly TrunkNumber[];
  hasSeveralTenants: boolean;
}>;

export type TwilioSeen = Readonly<{
  accountSid: string;
  owned: readonly OwnedNumber[];
  /** By trunk (TK…), of the trunks that the judged numbers are on. */
  originations: Readonly<Record<string, readonly Origination[]>>;
}>;

/** How a service says it is; see http/health.ts. */
export type ServiceSeen = Readonly<{
  database: string;
  livekit: string;
  worker: string;
}>;

/** What became of a check room's event. */
export type WebhookSeen = Sighting & Readonly<{ waitedMs: number }>;

/** How a provider answered when it was asked about the key: an HTTP status. */
export type ProviderSeen = Readonly<{ status: number }>;

export type Seen = Readonly<{
  database: Look<DatabaseSeen>;
  twilio: Look<TwilioSeen>;
  livekit: Look<SipState>;
  service: Look<ServiceSeen>;
  webhook: Look<WebhookSeen>;
  deepgram: Look<ProviderSeen>;
  openai: Look<ProviderSeen>;
}>;
