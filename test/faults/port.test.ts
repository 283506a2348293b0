// Whatever touches the outside is declared by name: otherwise no fault could be put there, and no trace would show it.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import t from 'tap';
import ts from 'typescript';
import { projectDir } from '../support/paths.js';

/** Modules, and what else is at hand without one, that reach out of the process. */
const outside =
  /^(?:node:)?(?:fs|fs\/promises|child_process|net|dgram|tls|http|http2|https|dns|dns\/promises|cluster|worker_threads|inspector)$|^(?:koffi|execa|chokidar)$/;
const globals = /^(?:fetch|WebSocket|require)$/;

/** What is used from `effects/` and is no effect itself, and why that is right. */
const handles: Readonly<Record<string, string>> = {
  'daemon/rpc/listen.ts': 'the listening socket, by the design',
  faultsFrom: 'the port itself: it runs around every effect',
  isJournal: 'asked before there is anything to trace',
  configText: 'read before there is anything to trace',
  HttpLink: 'a connection; its requests are the effects of vmm-calls',
  Table: 'a netlink socket; what is sent through it are effects of elements',
  Route: 'a netlink socket; what is sent through it are effects of route, tap, bridge',
  LinkRemover: 'gathers removals that are effects (tap.remove) into one',
  bindOwn: 'makes a socket listen by the effects of socket and bind',
  serveScrapes: 'a listening socket, bound by effects; what it serves is read from memory',
  sameInode: 'compares two numbers: touches nothing',
  olderLog: 'a path from a path: touches nothing',
  openSpace: 'opens a descriptor of a namespace; what is done in it are effects of container',
  Namespace: 'a descriptor; made and ended within netns.give, netns.drop and the pool that serves them',
};

const files = ['daemon', 'plugins'].flatMap((part) =>
  readdirSync(join(projectDir, part), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(part, file)),
);
const parsed = new Map<string, ts.SourceFile>();
function parse(file: string): ts.SourceFile {
  const known = parsed.get(file);
  if (known) return known;
  const text = readFileSync(join(projectDir, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  parsed.set(file, source);
  return source;
}
/** Whether a late import is of a file of ours, whose own imports are looked at like all others. */
const ownFile = (what: ts.Expression | undefined): boolean =>
  what !== undefined && ts.isStringLiteral(what) && what.text.startsWith('.');
const inEffects = (file: string): boolean => /(?:^|\/)effects\//.test(file);

/** Whether an expression is an effect, or an object of effects. */
function isEffect(node: ts.Expression | undefined): boolean {
  if (node === undefined) return false;
  if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) return isEffect(node.expression);
  if (ts.isCallExpression(node))
    return ts.isIdentifier(node.expression) && ['effect', 'look'].includes(node.expression.text);
  return (
    ts.isObjectLiteralExpression(node) &&
    node.properties.every((one) => ts.isPropertyAssignment(one) && isEffect(one.initializer))
  );
}

/** Whether an export of a module can be called without touching the outside unseen. */
function isSafe(file: string, name: string): boolean {
  for (const statement of parse(file).statements) {
    if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) {
      if (statement.name.text === name) return true;
    } else if (ts.isVariableStatement(statement)) {
      for (const { name: declared, initializer } of statement.declarationList.declarations) {
        if (!ts.isIdentifier(declared) || declared.text !== name) continue;
        return isEffect(initializer) || isData(initializer);
      }
    } else if (ts.isClassDeclaration(statement) && statement.name?.text === name) {
      // An error tells; it does nothing.
      return (
        statement.heritageClauses?.some(({ types }) =>
          types.some(({ expression }) => expression.getText() === 'Error'),
        ) === true
      );
    } else if (ts.isExportDeclaration(statement) && statement.getText().includes(name)) {
      return statement.isTypeOnly || isPassedOn(file, statement, name);
    }
  }
  return false;
}

/** What a module passes on from where nothing reaches outside is as good as there. */
function isPassedOn(file: string, { moduleSpecifier: from }: ts.ExportDeclaration, name: string): boolean {
  if (from === undefined || !ts.isStringLiteral(from)) return false;
  const target = targetOf(file, from.text);
  return !inEffects(target) || isSafe(target, name);
}

/** The source that a relative import leads to. */
const targetOf = (file: string, from: string): string =>
  relative(projectDir, resolve(projectDir, dirname(file), from)).replace(/\.js$/, '.ts');

function isData(node: ts.Expression | undefined): boolean {
  if (node === undefined) return false;
  if (ts.isAsExpression(node)) return isData(node.expression);
  if (ts.isArrayLiteralExpression(node)) return node.elements.every(isData);
  return ts.isStringLiteral(node) || ts.isNumericLiteral(node);
}

/** Names that a file takes from modules, types left out. */
function taken(source: ts.SourceFile): { from: string; names: readonly string[] }[] {
  return source.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    const module = statement.moduleSpecifier;
    if (!module || !ts.isStringLiteral(module)) return [];
    const clause = ts.isImportDeclaration(statement) ? statement.importClause : statement;
    if (
      clause &&
      (ts.isExportDeclaration(clause)
        ? clause.isTypeOnly
        : clause.phaseModifier === ts.SyntaxKind.TypeKeyword)
    )
      return [];
    const bindings = clause && (ts.isExportDeclaration(clause) ? clause.exportClause : clause.namedBindings);
    const named =
      bindings && (ts.isNamedImports(bindings) || ts.isNamedExports(bindings)) ? bindings.elements : null;
    const names = named
      ? [...named].filter(({ isTypeOnly }) => !isTypeOnly).map((one) => (one.propertyName ?? one.name).text)
      : ['*'];
    return [{ from: module.text, names }];
  });
}

const used = new Set<string>();

t.test('nothing outside effects/ imports what reaches outside, or calls it by a global name', (t) => {
  const found: string[] = [];
  for (const file of files.filter((file) => !inEffects(file))) {
    const source = parse(file);
    for (const { from } of taken(source)) {
      if (!outside.test(from)) continue;
      if (file in handles) used.add(file);
      else found.push(`${file}: ${from}`);
    }
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
        const callee = node.expression;
        if (ts.isIdentifier(callee) && globals.test(callee.text)) found.push(`${file}: ${callee.text}()`);
        if (callee.kind === ts.SyntaxKind.ImportKeyword && !ownFile(node.arguments?.[0]))
          found.push(`${file}: import()`);
        if (/^process\.(?:kill|binding|dlopen|setuid|chdir)$/.test(callee.getText()))
          found.push(`${file}: ${callee.getText()}()`);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  t.strictSame(found, []);
  t.end();
});

t.test('what is taken from effects/ is an effect, data, or a handle that stands in the list', (t) => {
  const found: string[] = [];
  let effects = 0;
  for (const file of files.filter((file) => !inEffects(file))) {
    for (const { from, names } of taken(parse(file))) {
      if (!from.startsWith('.')) continue;
      const target = targetOf(file, from);
      if (!inEffects(target)) continue;
      for (const name of names) {
        if (isSafe(target, name)) effects += 1;
        else if (name in handles) used.add(name);
        else found.push(`${file}: ${name} of ${target}`);
      }
    }
  }
  t.strictSame(found, []);
  t.ok(effects > 60, `${effects} uses of effects`);
  t.strictSame(
    Object.keys(handles).filter((name) => !used.has(name)),
    [],
    'nothing stands in the list in vain',
  );
  t.end();
});
