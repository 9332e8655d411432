/** How errors look over HTTP: `{ "error": { "code", "message" } }`. The only place that knows status numbers. */
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

/** What an asker is told about each refusal. */
export const rejectErrors = {
  wrong_trunk: ['wrong_trunk', 'The trunk is neither the inbound trunk nor the one of the dialled number.'],
  number_unknown: ['not_found', 'The dialled number is not known.'],
  number_inactive: ['not_found', 'The dialled number is inactive.'],
  tenant_inactive: ['not_found', 'The tenant of the dialled number is inactive.'],
  campaign_inactive: ['not_found', 'The campaign of the dialled number is inactive.'],
  caller_limit: ['too_many', 'The caller has called too often within a minute.'],
  tenant_full: ['too_many', 'The tenant has as many open calls as it may have.'],
  campaign_full: ['campaign_full', 'The campaign has as many open calls as it may have.'],
  busy: ['busy', 'The service is at its capacity.'],
} as const satisfies Record<RejectReason, readonly [ErrorCode, string]>;

export const sendError = (reply: FastifyReply, code: ErrorCode, message: string): FastifyReply =>
  reply.code(statusOfCode[code]).send({ error: { code, message } });

/** Fastify's error handler: an AppError as itself, a database that is away as 503, anything else as 500 and in the log. */
export const errorHandler =
  (log: Log) =>
  (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof AppError) return sendError(reply, error.code, error.message);
    if (isUnavailable(error)) {
      log.error({ url: request.routeOptions.url, error: describeError(error) }, 'database unavailable');
      return sendError(reply, 'unavailable', 'The call could not be recorded. Try again.');
    }
    const status = 'statusCode' in error ? error.statusCode : undefined;
    const code = status === undefined ? undefined : codeOfStatus[status];
    if (code !== undefined) return sendError(reply, code, error.message);
    log.error({ url: request.routeOptions.url, error: describeError(error), stack: error.stack }, 'request failed');
    return reply.code(500).send({ error: { code: 'internal', message: 'Something went wrong. It is in the log.' } });
  };
