import { createRequire } from 'node:module';

// Loaded with `require`, because the generator's entry for `import` refers to files that don't exist (7.10.0).
const require = createRequire(import.meta.url);
const { getGenerator, loadSchemaContext } = require('@prisma/internals');
const { PrismaClientTsGenerator } = require('@prisma/client-generator-ts');

/**
 * Generates a client with Prisma's generator. Prisma's command line does the same, but brings 250 MB of packages.
 * Throws with Prisma's own words.
 */
export const generateClient = async (schema) => {
  const entry = { type: 'in-process', generator: new PrismaClientTsGenerator() };
  try {
    const schemaPath = { cliProvidedPath: schema };
    const schemaContext = await loadSchemaContext({ schemaPath, printLoadMessage: false });
    const registry = { 'prisma-client': entry };
    const generator = await getGenerator({ schemaContext, registry, skipDownload: true, cliCommand: 'generate' });
    await generator.generate();
    generator.stop();
  } catch (error) {
    throw new Error(`The database client could not be generated from ${schema}:\n${error.message.trim()}`);
  }
};
