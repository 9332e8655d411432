/** The routes that every resource has: list, get, create, change, archive. The same rules for all, written once. */
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import type { Edited, RecordVersion } from '../../database/edit-versioned.ts';
import type { Page, PageQuery, Position } from '../../database/paging.ts';
import type { Access } from './access.ts';
import { id, nextCursor, pageQueryOf, pageShape, version } from './fields.ts';

type Shape = z.ZodRawShape;
type Output<S extends Shape> = z.output<z.ZodObject<S>>;

type Common<Json extends z.ZodType> = Readonly<{
  /** Below /api/v1, such as /agents. */
  path: string;
  /** What one is called: "agent". */
  singular: string;
  access: Access;
  json: Json;
}>;
type ToJson<Row, Json extends z.ZodType> = Readonly<{ toJson: (row: Row) => z.output<Json> }>;

const idParams = z.object({ id });
export const idOf = (request: FastifyRequest): string => (request.params as { id: string }).id;
const anOrA = (singular: string): string => `${/^[aeiou]/.test(singular) ? 'an' : 'a'} ${singular}`;

const notFound = (singular: string): AppError => new AppError('not_found', `There is no such ${singular}.`);

const tagOf = (path: string): string => path.split('/')[1] ?? path;

const next = z
  .string()
  .nullable()
  .describe('Null: that was all. With filters, a page may hold fewer than limit, even none, although there are more.');

/** GET path: a page, the newest first. */
export const listRoute = <Query extends Shape, Json extends z.ZodType, Row extends Position>(
  app: FastifyInstance,
  route: Common<Json> &
    ToJson<Row, Json> &
    Readonly<{
      query: Query;
      summary?: string;
      /** Null: what the list belongs to isn't there. */
      list: (request: FastifyRequest, query: Output<Query>, page: PageQuery) => Promise<Page<Row> | null>;
    }>,
): void => {
  const { path, singular, access, json, query, toJson } = route;
  const schema: FastifySchema = {
    tags: [tagOf(path)],
    summary: route.summary ?? `List ${singular}s, the newest first`,
    ...(path.includes(':id') && { params: idParams }),
    querystring: z.strictObject({ ...query, ...pageShape }),
    response: { 200: z.object({ items: z.array(json), next_cursor: next }) },
  };
  app.get(path, {
    config: { access },
    schema,
    handler: async (request) => {
      const { limit, cursor, ...filter } = request.query as Output<Query> & { limit: number; cursor?: string };
      const page = pageQueryOf({ limit, ...(cursor !== undefined && { cursor }) });
      const found = await route.list(request, filter as Output<Query>, page);
      if (found === null) throw notFound(singular);
      return { items: found.items.map(toJson), next_cursor: nextCursor(found.next) };
    },
  });
};

type Versioned = Readonly<{ version: number }>;

/** An edit says which version it read by this header; what we answer carries it. */
const sendEtag = (reply: FastifyReply, row: object): FastifyReply =>
  'version' in row ? reply.header('etag', `"${String(row.version)}"`) : reply;

/** GET path/:id */
export const getRoute = <Json extends z.ZodType, Row extends object>(
  app: FastifyInstance,
  route: Common<Json> &
    ToJson<Row, Json> &
    Readonly<{ find: (request: FastifyRequest, id: string) => Promise<Row | null> }>,
): void => {
  const { path, singular, access, json, find, toJson } = route;
  const schema: FastifySchema = {
    tags: [tagOf(path)],
    summary: `Get ${anOrA(singular)}`,
    params: idParams,
    response: { 200: json },
  };
  app.get(`${path}/:id`, {
    config: { access },
    schema,
    handler: async (request, reply) => {
      const row = await find(request, idOf(request));
      if (row === null) throw notFound(singular);
      return sendEtag(reply, row).send(toJson(row));
    },
  });
};

/** POST path */
export const createRoute = <Body extends Shape, Json extends z.ZodType, Row extends object>(
  app: FastifyInstance,
  route: Common<Json> &
    ToJson<Row, Json> &
    Readonly<{
      body: Body;
      summary?: string;
      create: (request: FastifyRequest, body: Output<Body>) => Promise<Row>;
    }>,
): void => {
  const { path, singular, access, json, body, toJson } = route;
  const schema: FastifySchema = {
    tags: [tagOf(path)],
    summary: route.summary ?? `Create ${anOrA(singular)}`,
    body: z.strictObject(body),
    response: { 201: json },
  };
  app.post(path, {
    config: { access },
    schema,
    handler: async (request, reply) => {
      const row = await route.create(request, request.body as Output<Body>);
      return sendEtag(reply.code(201), row).send(toJson(row));
    },
  });
};

/** Which version an edit read: by the body's `version` or by If-Match. Null: by neither, or If-Match: *. */
const versionRead = (request: FastifyRequest, inBody: number | undefined): number | null => {
  if (inBody !== undefined) return inBody;
  const header = request.headers['if-match'];
  if (header === undefined || header.trim() === '*') return null;
  const [, digits] = /^\s*(?:W\/)?"?(\d{1,9})"?\s*$/.exec(header) ?? [];
  if (digits === undefined) throw new AppError('malformed', 'If-Match must be the ETag that we answered with.');
  return Number(digits);
};

/** @throws AppError `not_found`, `conflict` */
export const editedOr = <Row>(singular: string, row: Edited<Row>): Row => {
  if (row === 'missing') throw notFound(singular);
  if (row === 'stale') throw new AppError('conflict', `Somebody has changed the ${singular} since: read it again.`);
  return row;
};

const ifMatch = z.looseObject({ 'if-match': z.string().exactOptional().describe('The ETag of what you read.') });

/** PATCH path/:id: only what is named changes, and only in the version that was read. */
export const changeRoute = <Body extends Shape, Json extends z.ZodType, Row extends Versioned>(
  app: FastifyInstance,
  route: Common<Json> &
    ToJson<Row, Json> &
    Readonly<{
      body: Body;
      change: (request: FastifyRequest, read: RecordVersion, body: Output<Body>) => Promise<Edited<Row>>;
    }>,
): void => {
  const { path, singular, access, json, body, toJson } = route;
  const schema: FastifySchema = {
    tags: [tagOf(path)],
    summary: `Change ${anOrA(singular)}`,
    description: 'Say by `version` or If-Match which version you read: 409 `conflict` where it is another by now.',
    params: idParams,
    headers: ifMatch,
    body: z.strictObject({ ...body, version: version.exactOptional() }),
    response: { 200: json },
  };
  app.patch(`${path}/:id`, {
    config: { access },
    schema,
    handler: async (request, reply) => {
      const { version: inBody, ...changes } = request.body as Output<Body> & { version?: number };
      const read = versionRead(request, inBody);
      if (read === null && request.headers['if-match'] === undefined)
        throw new AppError('malformed', 'Say by version or If-Match which version you read.');
      const edited = await route.change(request, { id: idOf(request), version: read }, changes as Output<Body>);
      const row = editedOr(singular, edited);
      return sendEtag(reply, row).send(toJson(row));
    },
  });
};

/** POST path/:id/action, such as archive. Who cares says which version they read. */
export const actionRoute = <Json extends z.ZodType, Row extends object>(
  app: FastifyInstance,
  route: Common<Json> &
    ToJson<Row, Json> &
    Readonly<{
      action: string;
      summary: string;
      act: (request: FastifyRequest, read: RecordVersion) => Promise<Edited<Row>>;
    }>,
): void => {
  const { path, singular, access, json, action, summary, toJson } = route;
  const schema: FastifySchema = {
    tags: [tagOf(path)],
    summary,
    params: idParams,
    headers: ifMatch,
    body: z.strictObject({ version: version.exactOptional() }).nullish(),
    response: { 200: json },
  };
  app.post(`${path}/:id/${action}`, {
    config: { access },
    schema,
    handler: async (request, reply) => {
      const body = request.body as { version?: number } | null | undefined;
      const read = { id: idOf(request), version: versionRead(request, body?.version) };
      const row = editedOr(singular, await route.act(request, read));
      return sendEtag(reply, row).send(toJson(row));
    },
  });
};
