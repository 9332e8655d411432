/** snake_case in JSON, camelCase in code. Only a record's own field names change, not those nested in its values. */

type Snake<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${Snake<Rest>}`
  : Name;
type Camel<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<Camel<Rest>>}`
  : Name;

/** In JSON, a time is an ISO 8601 string. */
type Plain<Value> = Value extends Date ? string : Value;

type SnakeCased<T> = { [Name in keyof T as Name extends string ? Snake<Name> : never]: Plain<T[Name]> };
type CamelCased<T> = { [Name in keyof T as Name extends string ? Camel<Name> : never]: T[Name] };

export const snakeName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camelName = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** A record of ours as JSON. */
export const snakeOf = <T extends object>(record: T): SnakeCased<T> =>
  Object.fromEntries(
    Object.entries(record).map(([name, value]: [string, unknown]) => [
      snakeName(name),
      value instanceof Date ? value.toISOString() : value,
    ]),
  ) as SnakeCased<T>;

/** A JSON object with the names that the code uses. */
export const camelOf = <T extends object>(json: T): CamelCased<T> =>
  Object.fromEntries(
    Object.entries(json).map(([name, value]: [string, unknown]) => [camelName(name), value]),
  ) as CamelCased<T>;

type SnakeShape<Shape> = { [Name in keyof Shape as Name extends string ? Snake<Name> : never]: Shape[Name] };

/** The shape of a schema with the names that it has in JSON. */
export const snakeShape = <Shape extends object>(shape: Shape): SnakeShape<Shape> =>
  Object.fromEntries(
    Object.entries(shape).map(([name, schema]: [string, unknown]) => [snakeName(name), schema]),
  ) as SnakeShape<Shape>;
