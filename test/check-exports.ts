/** `npm run check -- exports`: finds exports that no other file imports, which make a module's interface look larger than it is. */
import { glob, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '..');

/** Exports that something other than an import uses, as `path name`. */
const exceptions = new Set([
  'agents/telephony/main.ts default', // loaded by the framework
  'src/simulators/caller/caller-process.ts serveCaller', // called in a child process that it starts itself
]);

/** `imports`: names that are imported from another file, as `path name`; `path *` means all of them. */
type Names = Readonly<{ exports: string[]; imports: string[] }>;

const resolveSpecifier = (file: string, specifier: string): string | null => {
  if (specifier.startsWith('#')) return specifier.slice(1);
  return specifier.startsWith('.') ? relative(root, join(root, dirname(file), specifier)) : null;
};

const namesOfBinding = (name: ts.BindingName): string[] =>
  ts.isIdentifier(name)
    ? [name.text]
    : name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : namesOfBinding(element.name)));

/** The names that a top-level statement exports from its own file. */
const exportsOf = (statement: ts.Statement): string[] => {
  if (ts.isExportAssignment(statement)) return ['default'];
  if (ts.isExportDeclaration(statement))
    return statement.exportClause !== undefined && ts.isNamedExports(statement.exportClause)
      ? statement.exportClause.elements.map(({ name }) => name.text)
      : [];
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
  if (modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)) return ['default'];
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.flatMap(({ name }) => namesOfBinding(name));
  return 'name' in statement && statement.name !== undefined ? [(statement.name as ts.Identifier).text] : [];
};

/** The names that an import takes, or `*`. */
const namesOfImport = (node: ts.ImportDeclaration | ts.ExportDeclaration): string[] => {
  const clause = ts.isImportDeclaration(node) ? node.importClause : undefined;
  const bindings = ts.isImportDeclaration(node) ? clause?.namedBindings : node.exportClause;
  const named =
    bindings !== undefined && (ts.isNamedImports(bindings) || ts.isNamedExports(bindings))
      ? bindings.elements.map(({ name, propertyName }) => (propertyName ?? name).text)
      : bindings !== undefined || ts.isExportDeclaration(node)
        ? ['*']
        : [];
  return clause?.name === undefined ? named : [...named, 'default'];
};

const namesOf = (file: string, text: string): Names => {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const imports: string[] = [];
  const add = (specifier: ts.Node | undefined, names: readonly string[]): void => {
    const path =
      specifier !== undefined && ts.isStringLiteral(specifier) ? resolveSpecifier(file, specifier.text) : null;
    if (path !== null) imports.push(...names.map((name) => `${path} ${name}`));
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier, namesOfImport(node));
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], ['*']);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, ['*']);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { exports: source.statements.flatMap(exportsOf).map((name) => `${file} ${name}`), imports };
};

const isUsed = (name: string, imported: ReadonlySet<string>): boolean =>
  imported.has(name) || imported.has(`${name.split(' ')[0]} *`) || exceptions.has(name);

const files = await Array.fromAsync(glob('{src,agents,scripts,test}/**/*.ts', { cwd: root }));
const own = files.filter((file) => !file.startsWith('src/database/generated/'));
const all = await Promise.all(own.map(async (file) => namesOf(file, await readFile(join(root, file), 'utf8'))));
const imported = new Set(all.flatMap(({ imports }) => imports));
/** Tests import the product, but what they export is left to them. */
const exported = all.flatMap(({ exports }) => exports).filter((name) => !name.startsWith('test/'));
const unused = exported.filter((name) => !isUsed(name, imported));
for (const name of unused) console.error(`Exported, but imported by no other file: ${name}`);
if (unused.length > 0) process.exitCode = 1;
console.log(`${exported.length} exports checked`);
