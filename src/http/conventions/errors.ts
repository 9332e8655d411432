/** Errors over HTTP: `{ "error": { "code", "message" } }`. The only file that maps error codes to statuses. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { isUnavailable } from '../../database/driver-errors.ts';
import { AppError, describeError, type ErrorCode } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { RejectReason } from '../../routing/route.ts';

const statusOfCode = {
  malformed: 400,
  unproven: 401,
  wrong_trunk: 403,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_many: 429,
  campaign_full: 409,
  too_large: 413,
  unsupported_type: 415,
  prompt_invalid: 422,
  busy: 429,
  config_invalid: 500,
  schema_behind: 503,
  schema_ahead: 503,
  database_unusable: 503,
  livekit_unavailable: 503,
  twilio_refused: 502,
  twilio_unavailable: 503,
  local_mode: 500,
  unavailable: 503,
} as const satisfies Record<ErrorCode, number>;

const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'malformed',
  404: 'not_found',
  413: 'too_large',
  415: 'unsupported_type',
};

/** The error for each reason to reject a call. */
export const rejectErrors = {
  wrong_trunk: ['wrong_trunk', 'The trunk is neither the inbound trunk nor the trunk of the dialed number.'],
  number_unknown: ['not_found', 'The dialed number is unknown.'],
  number_inactive: ['not_found', 'The dialed number is inactive.'],
  tenant_inactive: ['not_found', 'The tenant of the dialed number is inactive.'],
  campaign_inactive: ['not_found', 'The campaign of the dialed number is inactive.'],
  caller_limit: ['too_many', 'The caller has reached the limit of calls per minute.'],
  tenant_full: ['too_many', 'The tenant has reached its limit of open calls.'],
  campaign_full: ['campaign_full', 'The campaign has reached its limit of open calls.'],
  busy: ['busy', 'The service is at capacity.'],
} as const satisfies Record<RejectReason, readonly [ErrorCode, string]>;

export const sendError = (reply: FastifyReply, code: ErrorCode, message: string): FastifyReply =>
  reply.code(statusOfCode[code]).send({ error: { code, message } });

/**
 * Fastify's error handler: 503 while the database is unavailable; anything unexpected is logged and becomes 500.
 * @param unavailable the message for 503
 */
export const errorHandler =
  (log: Log, unavailable = 'The database is unavailable. Try again shortly.') =>
  (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof AppError) return sendError(reply, error.code, error.message);
    const logged = { url: request.routeOptions.url, requestId: request.id, err: describeError(error) };
    if (isUnavailable(error)) {
      log.error(logged, 'database unavailable');
      return sendError(reply, 'unavailable', unavailable);
    }
    const status = 'statusCode' in error ? error.statusCode : undefined;
    const code = status === undefined ? undefined : codeOfStatus[status];
    if (code !== undefined) return sendError(reply, code, error.message);
    log.error({ ...logged, stack: error.stack }, 'request failed');
    const message = "Internal error. The service's log has the details under this x-request-id.";
    return reply.code(500).send({ error: { code: 'internal', message } });
  };
