/** The OpenAPI document, generated from the schemas that validate requests: /docs for people, /docs/json for machines. */
import helmet from '@fastify/helmet';
import swagger, { type FastifyDynamicSwaggerOptions, type SwaggerTransform } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform } from 'fastify-type-provider-zod';
import type { Access } from './conventions/access.ts';
import { errorBody } from './conventions/fields.ts';

const description = `
**Authentication.** Send \`Authorization: Bearer …\` with an access token from \`POST /api/v1/auth/login\` or with an API token. Admins of the
installation also send \`X-Tenant-Id\`, the id of the tenant they act in. \`x-access\` of each operation is the permission it requires.

**Lists** are newest first. Pass a page's \`next_cursor\` as \`cursor\` to get the next page.

**Updates** send the \`version\` that you read, in the body or in \`If-Match\`. The response is 409 \`conflict\` if somebody else has changed the
record since.

**Errors** are \`{ "error": { "code", "message" } }\`. Every response has an \`x-request-id\`, which the service's log repeats.
`.trim();

/** Who may use a route: for readers, and for the test that tries every route as everyone. */
const securityOf = (access: Access | undefined) => {
  if (access === 'public') return { security: [], 'x-access': access };
  if (access !== undefined) return { security: [{ bearer: [] }], 'x-access': access };
  return {};
};

const transform: SwaggerTransform = (document) => {
  const plain = createJsonSchemaTransform({ zodToJsonConfig: { target: 'draft-2020-12' } });
  const { access } = document.route.config ?? {};
  const schema = { ...document.schema, ...securityOf(access) };
  if (access !== undefined || schema.response !== undefined)
    schema.response = { ...(schema.response as object | undefined), default: errorBody.describe('An error.') };
  return plain({ ...document, schema });
};

const options: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: { title: 'telephony-agent', description, version: '1.0.0' },
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
