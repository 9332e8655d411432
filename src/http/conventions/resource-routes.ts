/** The routes that every resource has: list, get, create, update and actions such as archive, with the same rules for all. */
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import { z } from 'zod';
import { duplicateColumn, isUniqueViolation } from '../../database/driver-errors.ts';
import type { Edited, RecordVersion } from '../../database/edit-versioned.ts';
import type { Page, PageQuery, Position } from '../../database/paging.ts';
import type { Access } from './access.ts';
import { AppError } from '../../errors.ts';
import { id, nextCursor, pageQueryOf, pageShape, version } from './fields.ts';
import { snakeName } from './snake-case.ts';

type Shape = z.ZodRawShape;
type Output<S extends Shape> = z.output<z.ZodObject<S>>;

type Common<Json extends z.ZodType> = Readonly<{
  /** Below /api/v1: "/agents". */
  path: string;
  /** "agent" */
  singular: string;
  access: Access;
  json: Json;
}>;
type ToJson<Row, Json extends z.ZodType> = Readonly<{ toJson: (row: Row) => z.output<Json> }>;

const idParams = z.object({ id });
export const idOf = (request: FastifyRequest): string => (request.params as { id: string }).id;
const anOrA = (singular: string): string => `${/^[aeio]/i.test(singular) ? 'an' : 'a'} ${singular}`;

const notFound = (singular: string): AppError => new AppError('not_found', `No such ${singular}.`);

const tagOf = (path: string): string => path.split('/')[1] ?? path;

const next = z
  .string()
  .nullable()
  .describe(
    'The cursor of the next page; null on the last page. With filters, a page may have fewer items than limit, or none, and still not be the last.',
  );

/** GET path: a page of the list, newest first. */
export const listRoute = <Query extends Shape, Json extends z.ZodType, Row extends Position>(
  app: FastifyInstance,
  route: Common<Json> &
    ToJson<Row, Json> &
    Readonly<{
      query: Query;
      summary?: string;
      /** Null: the record that the list belongs to doesn't exist. */
      list: (request: FastifyRequest, query: Output<Query>, page: PageQuery) => Promise<Page<Row> | null>;
    }>,
): void => {
  const { path, singular, access, json, query, toJson } = route;
  const schema: FastifySchema = {
    tags: [tagOf(path)],
    summary: route.summary ?? `List ${singular}s`,
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

const withEtag = (reply: FastifyReply, row: object): FastifyReply =>
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
      return withEtag(reply, row).send(toJson(row));
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
      const row = await refuseDuplicate(singular, route.create(request, request.body as Output<Body>));
      return withEtag(reply.code(201), row).send(toJson(row));
    },
  });
};

/** The version that the client read, from the body's `version` or from If-Match. Null: neither, or If-Match: *. */
const versionRead = (request: FastifyRequest, inBody: number | undefined): number | null => {
  if (inBody !== undefined) return inBody;
  const header = request.headers['if-match'];
  if (header === undefined || header.trim() === '*') return null;
  const [, digits] = /^\s*(?:W\/)?"?(\d{1,9})"?\s*$/.exec(header) ?? [];
  if (digits === undefined)
    throw new AppError('malformed', 'Invalid If-Match: send the ETag of the record that you read.');
  return Number(digits);
};

/** @throws AppError `conflict` if a value that must be unique already exists */
const refuseDuplicate = async <Row>(singular: string, work: Promise<Row>): Promise<Row> => {
  try {
    return await work;
  } catch (err) {
    if (!isUniqueViolation(err)) throw err;
    const column = duplicateColumn(err);
    const suffix = column === null ? '' : ` with this ${snakeName(column)}`;
    throw new AppError('conflict', `Already exists: ${anOrA(singular)}${suffix}.`, { cause: err });
  }
};

/** @throws AppError `not_found`, `conflict` */
const requireEdited = <Row>(singular: string, row: Edited<Row>): Row => {
  if (row === 'missing') throw notFound(singular);
  if (row === 'stale')
    throw new AppError('conflict', `The ${singular} has been changed since you read it. Read it again.`);
  return row;
};

const ifMatch = z.looseObject({
  'if-match': z.string().exactOptional().describe('The ETag of the record that you read, instead of version.'),
});

/** PATCH path/:id: changes the named fields, if the record still has the version that the client read. */
export const updateRoute = <Body extends Shape, Json extends z.ZodType, Row extends Versioned>(
  app: FastifyInstance,
  route: Common<Json> &
    ToJson<Row, Json> &
    Readonly<{
      body: Body;
      update: (request: FastifyRequest, read: RecordVersion, body: Output<Body>) => Promise<Edited<Row>>;
    }>,
): void => {
  const { path, singular, access, json, body, toJson } = route;
  const schema: FastifySchema = {
    tags: [tagOf(path)],
    summary: `Update ${anOrA(singular)}`,
    description:
      'Fields that you leave out keep their values. Send the `version` that you read, or its ETag in If-Match; 409 `conflict` means that ' +
      'somebody else has changed the record since.',
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
        throw new AppError('malformed', 'Send the version that you read, as version or in If-Match.');
      const updated = route.update(request, { id: idOf(request), version: read }, changes as Output<Body>);
      const row = requireEdited(singular, await refuseDuplicate(singular, updated));
      return withEtag(reply, row).send(toJson(row));
    },
  });
};

/** POST path/:id/action, such as archive. The version that the client read is optional. */
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
      const row = requireEdited(singular, await route.act(request, read));
      return withEtag(reply, row).send(toJson(row));
    },
  });
};
