/** Prisma's schema engine as WebAssembly, because its binary is a download that a firewall may block. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { SchemaEngine, SchemaFilter } from '@prisma/schema-engine-wasm';

export type { DiffTarget, MigrationList } from '@prisma/schema-engine-wasm';

export const noFilter: SchemaFilter = { externalTables: [], externalEnums: [] };

/** Loaded once per process: the package's bindings keep a single instance. */
const loaded: { engine?: Promise<typeof SchemaEngine> } = {};

/** The package's own entry imports the .wasm as a module, for which Node prints an experimental warning. */
const loadEngine = async (): Promise<typeof SchemaEngine> => {
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const folder = dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm'));
  const module = await WebAssembly.compile(await readFile(join(folder, 'schema_engine_bg.wasm')));
  const { exports } = await WebAssembly.instantiate(module, { './schema_engine_bg.js': { ...bindings } });
  bindings.__wbg_set_wasm(exports);
  const { __wbindgen_start: start } = exports;
  if (typeof start !== 'function') throw new Error('The schema engine has no start function.');
  Reflect.apply(start, undefined, []);
  return bindings.SchemaEngine;
};

/**
 * Opens an engine on a connection, which stays open afterwards.
 * @param schema the text of the Prisma schema, needed only for comparing schemas
 */
export const openSchemaEngine = async (adapter: SqlDriverAdapter, schema?: string): Promise<SchemaEngine> => {
  const factory: SqlMigrationAwareDriverAdapterFactory = {
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    connect: async () => adapter,
    connectToShadowDb: async () => {
      throw new Error('There is no shadow database.');
    },
  };
  loaded.engine ??= loadEngine();
  const Engine = await loaded.engine;
  const datamodels: [string, string][] | undefined = schema === undefined ? undefined : [['schema.prisma', schema]];
  const ignoreLogs = () => undefined;
  return Engine.new({ datamodels }, ignoreLogs, bindMigrationAwareSqlAdapterFactory(factory));
};
