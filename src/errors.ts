/**
 * Errors with a code. Expected outcomes are returned; what is thrown is either an AppError, which a client or an operator can act
 * on, or a bug.
 */
export type ErrorCode =
  | 'malformed'
  | 'unproven'
  | 'wrong_trunk'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'too_many'
  | 'campaign_full'
  | 'busy'
  | 'too_large'
  | 'unsupported_type'
  | 'unavailable'
  | 'config_invalid'
  | 'schema_behind'
  | 'schema_ahead'
  | 'database_unusable'
  | 'prompt_invalid'
  | 'livekit_unavailable'
  | 'twilio_refused'
  | 'twilio_unavailable'
  | 'local_mode';

/** `message` is a sentence for people, without phone numbers, names or speech. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The message of anything thrown, with that of its cause. */
export const describeError = (error: unknown): string => {
  if (!(error instanceof Error)) return describeThing(error);
  return error.cause === undefined ? error.message : `${error.message} (${describeError(error.cause)})`;
};

/** Of a thrown value that isn't an Error only its name or code: the rest may contain what callers said. */
const describeThing = (thing: unknown): string => {
  if (typeof thing !== 'object' || thing === null) return String(thing);
  const named = ['message', 'kind', 'code', 'name'].flatMap((key) => {
    const value: unknown = Reflect.get(thing, key);
    return typeof value === 'string' || typeof value === 'number' ? [String(value)] : [];
  });
  return named[0] ?? 'unknown';
};
