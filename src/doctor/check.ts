/**
 * The chain by which a call comes in, link by link.
 *
 * Glossary
 *   link      one thing that has to be right so that a call is answered: of the installation, or of one number
 *   mend      the one command, or the one step, that puts a wrong link right
 *   look      what was found out about something outside; it can fail by itself, which is a finding too
 */
import { AppError, describeError } from '../errors.ts';

/** In the order of the chain; the number's own, and Twilio's and LiveKit's after the account and project, are judged of each number. */
export const linkNames = [
  'configuration',
  'database',
  'number',
  'twilio',
  'twilio_number',
  'twilio_trunk',
  'origination',
  'livekit',
  'livekit_trunk',
  'dispatch_rule',
  'service',
  'worker',
  'webhook',
  'deepgram',
  'openai',
] as const;
export type LinkName = (typeof linkNames)[number];

/** What can be wrong. */
export type Code =
  | 'config_invalid'
  | 'secret_default'
  | 'schema_behind'
  | 'schema_ahead'
  | 'database_unusable'
  | 'no_numbers'
  | 'number_missing'
  | 'number_inactive'
  | 'number_without_campaign'
  | 'tenant_inactive'
  | 'campaign_inactive'
  | 'campaign_full'
  | 'twilio_not_configured'
  | 'twilio_refused'
  | 'twilio_unavailable'
  | 'number_not_in_account'
  | 'number_without_voice'
  | 'voice_url_set'
  | 'no_twilio_trunk'
  | 'sip_uri_missing'
  | 'sip_uri_wrong'
  | 'origination_disabled'
  | 'other_origination'
  | 'livekit_not_configured'
  | 'livekit_key_refused'
  | 'livekit_unavailable'
  | 'livekit_trunk_lacks_number'
  | 'livekit_trunk_for_callers'
  | 'trunk_id_differs'
  | 'no_rule'
  | 'rule_without_trunk'
  | 'direct_rule'
  | 'shared_room_rule'
  | 'agent_name_wrong'
  | 'rule_asks_pin'
  | 'rule_for_callers'
  | 'rule_hides_numbers'
  | 'service_unreachable'
  | 'service_unknown'
  | 'service_without_database'
  | 'service_without_livekit'
  | 'service_key_differs'
  | 'worker_not_registered'
  | 'worker_warming'
  | 'worker_draining'
  | 'public_url_missing'
  | 'webhook_absent'
  | 'webhook_key_differs'
  | 'webhook_altered'
  | 'provider_key_missing'
  | 'provider_key_refused'
  | 'provider_unavailable'
  | 'look_failed';

/** What is found of a link. `message` is for a person. */
export type Finding =
  | Readonly<{ state: 'ok'; code: null; message: string; mend: null }>
  | Readonly<{ state: 'wrong'; code: Code; message: string; mend: string | null }>
  /** It can't be judged, since something before it is wrong. */
  | Readonly<{ state: 'skipped'; code: null; message: string; mend: null }>;

/** `number` null: a link of the installation. Several things wrong with a link are several of these. */
export type Link = Readonly<{ link: LinkName; number: string | null }> & Finding;

export const ok = (message: string): Finding => ({ state: 'ok', code: null, message, mend: null });
export const skipped = (message: string): Finding => ({ state: 'skipped', code: null, message, mend: null });
export const wrong = (code: Code, message: string, mend: string | null): Finding => ({
  state: 'wrong',
  code,
  message,
  mend,
});

export type Trouble = Extract<Finding, { state: 'wrong' }>;

/** What came of a look: what was seen, or why there is nothing to see. */
export type Look<T> =
  | Readonly<{ kind: 'seen'; value: T }>
  | Readonly<{ kind: 'failed'; code: Code; message: string; mend: string | null }>
  | Readonly<{ kind: 'skipped'; message: string }>;

export const seen = <T>(value: T): Look<T> => ({ kind: 'seen', value });
export const failed = (code: Code, message: string, mend: string | null): Look<never> => ({
  kind: 'failed',
  code,
  message,
  mend,
});
export const unseen = (message: string): Look<never> => ({ kind: 'skipped', message });

/** The finding of a look itself: null where something was seen. */
export const findingOf = (look: Look<unknown>): Finding | null => {
  if (look.kind === 'seen') return null;
  return look.kind === 'skipped' ? skipped(look.message) : wrong(look.code, look.message, look.mend);
};

/** One line of what was thrown: Node's and Prisma's errors may have many. */
export const sentenceOf = (error: unknown): string => {
  const text = describeError(error).replaceAll(/\s+/g, ' ').trim();
  return error instanceof AppError || /[.!?)]$/.test(text) ? text : `${text}.`;
};
