/** Failures of providers. */
import { APIConnectionError, APIError, APIStatusError, APITimeoutError } from '@livekit/agents';

/** What a provider failed of, as the framework knows failures. */
export const toApiError = (error: unknown): APIError => {
  if (error instanceof APIError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return new APIConnectionError({ message: cause instanceof Error ? cause.message : String(cause) });
};

/** Whoever catches it must not start the reply again: parts of it were said, or two attempts were made. */
export const final = (error: APIError): APIError => {
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
