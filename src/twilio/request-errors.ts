/** Translates failed Twilio requests into messages for an operator. */
import { AppError, describeError, type ErrorCode } from '../errors.ts';

/**
 * Awaits a request. Messages omit Twilio's own text, which may quote phone numbers, and link its error code instead.
 * @param action what was requested, as an infinitive: "list the numbers"
 * @param timeoutMs the time limit of the request, for the message
 * @throws AppError `twilio_refused` if Twilio rejects the request, `twilio_unavailable` if it may succeed later
 */
export const withTwilioErrors = async <T>(action: string, timeoutMs: number, request: Promise<T>): Promise<T> => {
  try {
    return await request;
  } catch (error) {
    throw explain(action, timeoutMs, error);
  }
};

const explain = (action: string, timeoutMs: number, error: unknown): AppError => {
  if (!(error instanceof Error)) throw error;
  if ('status' in error && typeof error.status === 'number')
    return refusal(action, error.status, 'code' in error ? error.code : undefined);
  const unavailable = (message: string) => new AppError('twilio_unavailable', message, { cause: error });
  if (error.name === 'TimeoutError')
    return new AppError('twilio_unavailable', `Twilio did not ${action} within ${timeoutMs / 1000} s. Try again.`);
  if (error instanceof SyntaxError)
    return new AppError(
      'twilio_unavailable',
      `Twilio failed to ${action}: the response is not JSON. Check for a proxy in between, and TWILIO_BASE_URL.`,
    );
  if (error instanceof TypeError && error.message === 'fetch failed')
    return unavailable(`Cannot ${action}: Twilio is unreachable: ${describeError(error.cause)}`);
  throw error;
};

const refusal = (action: string, status: number, code: unknown): AppError => {
  const known = typeof code === 'number' && code > 0;
  const where = known ? `${status}, https://www.twilio.com/docs/errors/${code}` : String(status);
  const [errorCode, message] = messageOf(action, status);
  return new AppError(errorCode, `${message} (${where})`);
};

const messageOf = (action: string, status: number): readonly [ErrorCode, string] => {
  if (status === 401)
    return [
      'twilio_refused',
      `Twilio refused to ${action}: invalid credentials. Copy TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN from the Twilio console.`,
    ];
  if (status === 403)
    return [
      'twilio_refused',
      `Twilio refused to ${action}: the account of TWILIO_ACCOUNT_SID lacks the permission, or is suspended.`,
    ];
  if (status === 404)
    return ['twilio_refused', `Twilio failed to ${action}: not found in the account of TWILIO_ACCOUNT_SID.`];
  if (status === 429)
    return [
      'twilio_unavailable',
      `Twilio refused to ${action}: too many requests from this account. Try again in a minute.`,
    ];
  if (status >= 500)
    return [
      'twilio_unavailable',
      `Twilio failed to ${action}. Try again later; https://status.twilio.com reports outages.`,
    ];
  return ['twilio_refused', `Twilio refused to ${action}.`];
};
