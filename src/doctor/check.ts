/**
 * The checks of an inbound call's path, from Twilio to the agent.
 *
 * Glossary
 *   check      one thing that must be set up correctly for a call to be answered, in the installation or for one number
 *   finding    the outcome of a check; one check can have several
 *   fix        the command or step that repairs a failed check
 *   probe      a query to an outside system, such as Twilio's API; a probe that fails is a finding, too
 */
import { AppError, describeError } from '../errors.ts';

/** In the order of the call path. `number`, `twilio_*`, `origination`, `livekit_trunk` and `dispatch_rule` run once per number. */
export const checkNames = [
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
export type CheckName = (typeof checkNames)[number];

/** Stable and machine-readable; `--json` prints them. */
export type FindingCode =
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
  | 'livekit_trunk_restricts_callers'
  | 'trunk_id_differs'
  | 'no_rule'
  | 'rule_without_trunk'
  | 'direct_rule'
  | 'shared_room_rule'
  | 'agent_name_wrong'
  | 'rule_requires_pin'
  | 'rule_restricts_callers'
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
  | 'probe_failed';

/** `message` and `fix` are for people. */
export type Finding =
  | Readonly<{ state: 'ok'; code: null; message: string; fix: null }>
  | Readonly<{ state: 'failed'; code: FindingCode; message: string; fix: string | null }>
  /** Depends on a check that failed. */
  | Readonly<{ state: 'skipped'; code: null; message: string; fix: null }>;

/** A finding and its check; `number` is null for checks of the installation. */
export type CheckResult = Readonly<{ check: CheckName; number: string | null }> & Finding;

export const ok = (message: string): Finding => ({ state: 'ok', code: null, message, fix: null });
export const skipped = (message: string): Finding => ({ state: 'skipped', code: null, message, fix: null });
export const failed = (code: FindingCode, message: string, fix: string | null): Finding => ({
  state: 'failed',
  code,
  message,
  fix,
});

/** What a probe returned, or why it returned nothing. */
export type ProbeResult<T> =
  | Readonly<{ kind: 'ok'; value: T }>
  | Readonly<{ kind: 'failed'; code: FindingCode; message: string; fix: string | null }>
  | Readonly<{ kind: 'skipped'; message: string }>;

export const probed = <T>(value: T): ProbeResult<T> => ({ kind: 'ok', value });
export const probeFailed = (code: FindingCode, message: string, fix: string | null): ProbeResult<never> => ({
  kind: 'failed',
  code,
  message,
  fix,
});
export const probeSkipped = (message: string): ProbeResult<never> => ({ kind: 'skipped', message });

/** The finding for a probe that returned nothing. */
export const findingOf = (probe: Exclude<ProbeResult<unknown>, { kind: 'ok' }>): Finding =>
  probe.kind === 'skipped' ? skipped(probe.message) : failed(probe.code, probe.message, probe.fix);

/** An error as one line: messages from Node and Prisma may span several. */
export const errorSentence = (error: unknown): string => {
  const text = describeError(error).replaceAll(/\s+/g, ' ').trim();
  return error instanceof AppError || /[.!?)]$/.test(text) ? text : `${text}.`;
};
