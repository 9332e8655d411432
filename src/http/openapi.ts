/** The API's own description, made from the schemas that it checks with: /docs to read, /docs/json for machines. */
import helmet from '@fastify/helmet';
import swagger, { type FastifyDynamicSwaggerOptions, type SwaggerTransform } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform } from 'fastify-type-provider-zod';
import type { Access } from './conventions/access.ts';
import { errorBody } from './conventions/fields.ts';

const description = `
People log in by \`POST /api/v1/auth/login\`; machines have an API token. Either goes into \`Authorization: Bearer …\`.
An admin of the installation says by \`X-Tenant-Id\` in which tenant.

Lists are newest first; \`next_cursor\` of one page is \`cursor\` of the next. An edit says by \`version\` or \`If-Match\` which version it
read, and gets 409 \`conflict\` where somebody else was quicker. Every answer has an \`x-request-id\`.
`.trim();

/** Who may use a route, for readers and for the test that tries everybody on everything. */
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
    schema.response = { ...(schema.response as object | undefined), default: errorBody.describe('What is wrong.') };
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
          description: 'An access token, which logging in gives, or an API token.',
        },
        livekit: {
          type: 'http',
          scheme: 'bearer',
          description: "LiveKit's own: a JWT with the sha256 of the body, signed with the API secret.",
        },
        signature: {
          type: 'apiKey',
          in: 'header',
          name: 'X-LiveKit-Signature',
          description: 'sha256=…: the HMAC of the body, keyed with the API secret.',
        },
      },
    },
  },
  hideUntagged: true,
  transform,
};

/** What the page of /docs needs, over HTTP as well. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Describes the routes that are added from here on. */
export const documentRoutes = (app: FastifyInstance): void => {
  app.register(swagger, options);
  app.register(async (scope) => {
    await scope.register(helmet, { contentSecurityPolicy: false }); // the page brings its own
    await scope.register(swaggerUi, { routePrefix: '/docs', staticCSP: pagePolicy });
  });
};
