/** Prisma's schema engine, as WebAssembly: its binary is a download that a firewall may forbid. */
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

/** Once a process: the package's bindings hold the one instance that they work with. */
const loaded: { engine?: Promise<typeof SchemaEngine> } = {};

/** The package's own entry imports the .wasm as a module, which Node warns about as experimental. */
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
 * Opens an engine that works on one connection and leaves it open.
 * @param schema the text of the Prisma schema, where the engine is to compare schemas
 */
export const openSchemaEngine = async (adapter: SqlDriverAdapter, schema?: string): Promise<SchemaEngine> => {
  const factory: SqlMigrationAwareDriverAdapterFactory = {
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    connect: async () => adapter,
    connectToShadowDb: async () => {
      throw new Error('There is no shadow database: compare schemas instead.');
    },
  };
  loaded.engine ??= loadEngine();
  const Engine = await loaded.engine;
  const datamodels: [string, string][] | undefined = schema === undefined ? undefined : [['schema.prisma', schema]];
  const ignoreLogs = () => undefined;
  return Engine.new({ datamodels }, ignoreLogs, bindMigrationAwareSqlAdapterFactory(factory));
};
