/**
 * Failures that have a name. Outcomes are returned; what is thrown is either an AppError, which a caller or an operator can
 * do something about, or a bug.
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

/** An error with a code; `message` is a sentence for a person, without phone numbers, names or speech. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What to print of anything thrown: its message, and its cause's. */
export const describeError = (error: unknown): string => {
  if (!(error instanceof Error)) return describeThing(error);
  return error.cause === undefined ? error.message : `${error.message} (${describeError(error.cause)})`;
};

/** Of a thrown thing that is no Error only what names it: the rest may hold what people said. */
const describeThing = (thing: unknown): string => {
  if (typeof thing !== 'object' || thing === null) return String(thing);
  const named = ['message', 'kind', 'code', 'name'].flatMap((key) => {
    const value: unknown = Reflect.get(thing, key);
    return typeof value === 'string' || typeof value === 'number' ? [String(value)] : [];
  });
  return named[0] ?? 'unknown';
};
