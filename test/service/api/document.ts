/** The operations of the API's OpenAPI document, and bodies that match its schemas. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { permissionsOf, tokenScopes, type Permission, type Role } from '#src/tenants/access.ts';

export type Schema = Readonly<{
  type?: string | readonly string[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  items?: Schema;
  anyOf?: readonly Schema[];
  enum?: readonly unknown[];
  const?: unknown;
  pattern?: string;
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
}>;

export type Operation = Readonly<{
  name: string;
  method: 'GET' | 'POST' | 'PATCH';
  /** Such as /api/v1/agents/{id}. */
  path: string;
  tag: string;
  /** Undefined: the route isn't authenticated by a token. */
  access: string | undefined;
  body: Schema | null;
  query: Readonly<Record<string, Schema>>;
  /** The documented statuses. */
  statuses: readonly number[];
}>;

type Parameter = Readonly<{ in: string; name: string; schema: Schema }>;
type Described = Readonly<{
  tags?: readonly string[];
  'x-access'?: string;
  parameters?: readonly Parameter[];
  responses: Readonly<Record<string, unknown>>;
  requestBody?: Readonly<{ content: Readonly<Record<string, Readonly<{ schema: Schema }>>> }>;
}>;

export const operationsOf = async (http: FastifyInstance): Promise<Operation[]> => {
  const { paths } = (await http.inject('/docs/json')).json<{ paths: Record<string, Record<string, Described>> }>();
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase() as Operation['method'],
      path,
      tag: described.tags?.[0] ?? '',
      access: described['x-access'],
      statuses: Object.keys(described.responses).map(Number),
      body: described.requestBody?.content['application/json']?.schema ?? null,
      query: Object.fromEntries(
        (described.parameters ?? []).filter((one) => one.in === 'query').map(({ name, schema }) => [name, schema]),
      ),
    })),
  );
};

/** Whether a client has the documented access. */
export const lets = (access: string | undefined, who: Role | 'machine'): boolean => {
  const has: readonly string[] = who === 'machine' ? tokenScopes : (permissionsOf[who] satisfies readonly Permission[]);
  return access === 'public' || access === 'signed_in' || (access !== undefined && has.includes(access));
};

const textOf = (schema: Schema): fc.Arbitrary<string> => {
  if (schema.format === 'email')
    return fc.oneof(
      fc.emailAddress(),
      fc.uuid().map((name) => `${name}@example.com`),
    );
  if (schema.format === 'date-time')
    return fc
      .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((at) => at.toISOString());
  if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern));
  const length = { minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 60, 60) };
  const odd = ['{{now}}', '{{x}}', '\0'].map((text) => text.padEnd(length.minLength, 'x'));
  return fc.oneof(
    { weight: 6, arbitrary: fc.string({ ...length, unit: 'grapheme-ascii' }) },
    fc.string({ ...length, unit: 'binary' }),
    fc.constantFrom(...odd),
  );
};

const numberOf = (schema: Schema): fc.Arbitrary<number> => {
  const range = { min: schema.minimum ?? -1e9, max: schema.maximum ?? 1e9 };
  return schema.type === 'integer'
    ? fc.integer({ min: Math.max(range.min, -(2 ** 31)), max: Math.min(range.max, 2 ** 31 - 1) })
    : fc.double({ ...range, noNaN: true });
};

/** Values for a field whose name says more than its schema: references to records, and phone numbers. */
const fittingField = (name: string, schema: Schema, ids: readonly string[]): fc.Arbitrary<unknown> => {
  const values = fitting(schema, ids);
  if (name.endsWith('_id') && ids.length > 0) return fc.oneof(values, fc.constantFrom(...ids));
  if (/number$|^to$|^from$/.test(name))
    return fc.oneof(
      values,
      fc.integer({ min: 1_000_000, max: 9_999_999 }).map((end) => `+1858${end}`),
    );
  return values;
};

/** Values that match a schema. `ids` are those of existing records. */
export const fitting = (schema: Schema, ids: readonly string[] = []): fc.Arbitrary<unknown> => {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => fitting(one, ids)));
  if (Array.isArray(schema.type))
    return fc.oneof(...schema.type.map((type: string) => fitting({ ...schema, type }, ids)));
  switch (schema.type) {
    case 'object':
      return fc.record(
        Object.fromEntries(
          Object.entries(schema.properties ?? {}).map(([name, one]) => [name, fittingField(name, one, ids)]),
        ),
        { requiredKeys: [...(schema.required ?? [])] },
      );
    case 'array':
      return fc.array(fitting(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 5, 20),
      });
    case 'string':
      return textOf(schema);
    case 'integer':
    case 'number':
      return numberOf(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue();
  }
};

/** One plain value that matches a schema. */
export const sampleOf = (schema: Schema): unknown => {
  if (schema.format === 'email') return `${randomUUID()}@example.com`;
  const isPlain = schema.type === 'string' && (schema.enum ?? schema.format ?? schema.pattern) === undefined;
  if (isPlain) return 'a'.repeat(Math.max(5, schema.minLength ?? 0));
  return fc.sample(fitting(schema), { numRuns: 1, seed: 7 })[0];
};

/** Values that almost match: one field is wrong or superfluous. */
const nearly = (schema: Schema, ids: readonly string[]): fc.Arbitrary<unknown> =>
  fc
    .tuple(fitting(schema, ids), fc.constantFrom('extra', ...Object.keys(schema.properties ?? {})), fc.jsonValue())
    .map(([value, name, other]) => (typeof value === 'object' && value !== null ? { ...value, [name]: other } : other));

/** Anything that a client may send. */
export const anyBody = (schema: Schema | null, ids: readonly string[]): fc.Arbitrary<string> => {
  const json =
    schema === null
      ? fc.jsonValue()
      : fc.oneof({ weight: 6, arbitrary: fitting(schema, ids) }, nearly(schema, ids), fc.jsonValue());
  return fc.oneof(
    { weight: 8, arbitrary: json.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
    { weight: 1, arbitrary: fc.constantFrom('', '{', '[[[[', '{"__proto__":{}}', 'null', '"\\u0000"') },
  );
};
