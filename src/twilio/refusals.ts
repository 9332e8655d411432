/** What Twilio's refusals and silences mean, in sentences for an operator. */
import { AppError, describeError, type ErrorCode } from '../errors.ts';

/**
 * The answer to a request, or an AppError `twilio_refused` (its answer is no) or `twilio_unavailable` (it may work later).
 * Twilio's own words are left out, since they quote telephone numbers; its error code leads to them.
 * @param what what Twilio was asked to do: "list the numbers"
 * @param timeoutMs for the sentence about a request that took longer
 */
export const withTwilioErrors = async <T>(what: string, timeoutMs: number, request: Promise<T>): Promise<T> => {
  try {
    return await request;
  } catch (error) {
    throw explain(what, timeoutMs, error);
  }
};

const explain = (what: string, timeoutMs: number, error: unknown): AppError => {
  if (!(error instanceof Error)) throw error;
  if ('status' in error && typeof error.status === 'number')
    return refusal(what, error.status, 'code' in error ? error.code : undefined);
  const unavailable = (sentence: string) => new AppError('twilio_unavailable', sentence, { cause: error });
  if (error.name === 'TimeoutError')
    return new AppError('twilio_unavailable', `Twilio did not ${what} within ${timeoutMs / 1000} s. Try again.`);
  if (error instanceof SyntaxError)
    return new AppError(
      'twilio_unavailable',
      `Asked to ${what}, Twilio answered with something that is not its JSON. Is there a proxy on the way, or is TWILIO_BASE_URL wrong?`,
    );
  if (error instanceof TypeError && error.message === 'fetch failed')
    return unavailable(`Twilio could not be reached to ${what}: ${describeError(error.cause)}`);
  throw error;
};

const refusal = (what: string, status: number, code: unknown): AppError => {
  const known = typeof code === 'number' && code > 0;
  const where = known ? `${status}, https://www.twilio.com/docs/errors/${code}` : String(status);
  const [errorCode, sentence] = sentenceOf(what, status);
  return new AppError(errorCode, `${sentence} (${where})`);
};

const sentenceOf = (what: string, status: number): readonly [ErrorCode, string] => {
  if (status === 401)
    return [
      'twilio_refused',
      `Twilio did not ${what}: it knows no such account and token. Copy TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN once more from the account's page in the Twilio console.`,
    ];
  if (status === 403)
    return ['twilio_refused', `Twilio did not ${what}: the account of TWILIO_ACCOUNT_SID may not, or is suspended.`];
  if (status === 404)
    return ['twilio_refused', `Twilio could not ${what}: there is no such thing in the account of TWILIO_ACCOUNT_SID.`];
  if (status === 429)
    return ['twilio_unavailable', `Twilio did not ${what}: too many requests of this account. Try again in a minute.`];
  if (status >= 500)
    return [
      'twilio_unavailable',
      `Twilio failed to ${what}. Try again; https://status.twilio.com tells whether it is down.`,
    ];
  return ['twilio_refused', `Twilio refused to ${what}.`];
};
