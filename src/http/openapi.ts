/** The OpenAPI document, generated from the schemas that validate requests: /docs for people, /docs/json for machines. */
import { STATUS_CODES } from 'node:http';
import helmet from '@fastify/helmet';
import swagger, { type FastifyDynamicSwaggerOptions, type SwaggerTransform } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { version } from '../version.ts';
import type { Access } from './conventions/access.ts';
import { errorBody } from './conventions/fields.ts';

const description = `
**Authentication.** Send \`Authorization: Bearer …\` with an access token from \`POST /api/v1/auth/login\` or with an API token. Admins of the
installation also send \`X-Tenant-Id\`, the id of the tenant they act in. \`x-access\` of each operation is the permission it requires.

**Lists** are newest first. Pass a page's \`next_cursor\` as \`cursor\` to get the next page.

**Updates** send the \`version\` that you read, in the body or in \`If-Match\`. The response is 409 \`conflict\` if somebody else has changed the
record since.

**Errors** are \`{ "error": { "code", "message" } }\`: 400 \`malformed\`, 401 \`unproven\` (authentication failed), 403 \`forbidden\`, 404
\`not_found\`, 409 \`conflict\`, 413 \`too_large\`, 415 \`unsupported_type\`, 422 \`prompt_invalid\`, 429 \`too_many\`, 503 \`unavailable\`. Every
response has an \`x-request-id\`, which the service's log repeats.
`.trim();

const tags = [
  { name: 'auth', description: 'Logging in and out.' },
  { name: 'calls', description: 'Records of calls, and commands to the agent of a running call.' },
  {
    name: 'campaigns',
    description: 'How an agent conducts its calls: prompt, voice, limits. Edit the draft, then publish it.',
  },
  { name: 'phone-numbers', description: 'Numbers, and the campaigns that answer them.' },
  { name: 'leads', description: 'People who called a campaign, or whom it will call.' },
  { name: 'agents', description: 'LiveKit agent names that take calls. The built-in one needs no entry.' },
  { name: 'routing', description: 'Explains which agent takes a call.' },
  { name: 'erasures', description: 'Erases what identifies a caller.' },
  { name: 'users', description: "A tenant's users and their roles." },
  { name: 'tokens', description: "A tenant's API tokens, for machines." },
  { name: 'tenants', description: 'For admins: the customers of this installation.' },
  { name: 'platform-trunks', description: "For admins: tenants' Twilio SIP trunks." },
  { name: 'webhooks', description: 'What LiveKit and SIP routing send, authenticated by a signature.' },
  { name: 'health', description: 'Liveness and readiness.' },
];

/** The access of a route, for readers and for the test that tries every route as every kind of client. */
const securityOf = (access: Access | undefined) => {
  if (access === 'public') return { security: [], 'x-access': access };
  if (access !== undefined) return { security: [{ bearer: [] }], 'x-access': access };
  return {};
};

const tenantHeader = z.string().exactOptional().describe('Admins only: the id of the tenant to act in.');

/** Whether an admin acts in one tenant here. */
const isOfTenant = (access: Access | undefined): boolean =>
  access !== undefined && access !== 'public' && access !== 'signed_in' && access !== 'tenants:manage';

const describeResponses = (responses: object): object =>
  Object.fromEntries(
    Object.entries(responses).map(([status, schema]: [string, z.ZodType]) => [
      status,
      schema.description === undefined ? schema.describe(STATUS_CODES[status] ?? status) : schema,
    ]),
  );

const transform: SwaggerTransform = (document) => {
  const toJsonSchema = createJsonSchemaTransform({ zodToJsonConfig: { target: 'draft-2020-12' } });
  const { access } = document.route.config ?? {};
  const schema = { ...document.schema, ...securityOf(access) };
  if (isOfTenant(access)) {
    const headers = schema.headers instanceof z.ZodObject ? schema.headers : z.looseObject({});
    schema.headers = headers.extend({ 'x-tenant-id': tenantHeader });
  }
  if (access !== undefined || schema.response !== undefined)
    schema.response = describeResponses({ ...(schema.response as object), default: errorBody.describe('An error.') });
  return toJsonSchema({ ...document, schema });
};

const options: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: { title: 'telephony-agent', description, version },
    tags,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An access token from POST /api/v1/auth/login, or an API token.',
        },
        livekit: {
          type: 'http',
          scheme: 'bearer',
          description: "LiveKit's own authentication: a JWT with the SHA-256 of the body, signed with the API secret.",
        },
        signature: {
          type: 'apiKey',
          in: 'header',
          name: 'X-LiveKit-Signature',
          description: 'sha256=…: the HMAC-SHA256 of the body, keyed with the API secret.',
        },
      },
    },
  },
  hideUntagged: true,
  transform,
};

/** The content security policy of /docs; it works over plain HTTP too. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Documents the routes that are added from here on. */
export const documentRoutes = (app: FastifyInstance): void => {
  app.register(swagger, options);
  app.register(async (scope) => {
    await scope.register(helmet, { contentSecurityPolicy: false }); // the page has its own
    await scope.register(swaggerUi, { routePrefix: '/docs', staticCSP: pagePolicy });
  });
};
