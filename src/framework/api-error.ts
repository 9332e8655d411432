/** Failures of providers, as the framework's errors. */
import { APIConnectionError, APIError, APIStatusError, APITimeoutError } from '@livekit/agents';

/** Converts any error into an APIError. */
export const toApiError = (error: unknown): APIError => {
  if (error instanceof APIError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return new APIConnectionError({ message: cause instanceof Error ? cause.message : String(cause) });
};

/** Makes an error not retryable, because parts of the reply were said or two attempts have failed. */
export const notRetryable = (error: APIError): APIError => {
  if (!error.retryable) return error;
  if (error instanceof APIStatusError) {
    return new APIStatusError({
      message: error.message,
      options: { statusCode: error.statusCode, retryable: false },
    });
  }
  return error instanceof APITimeoutError
    ? new APITimeoutError({ message: error.message, options: { retryable: false } })
    : new APIConnectionError({ message: error.message, options: { retryable: false } });
};
