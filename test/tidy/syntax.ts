// What the rules need to know of a TypeScript file, from its syntax tree: comments and strings that
// only mention a name do not use it.
import ts from 'typescript'

const parsed = new Map<string, { text: string, file: ts.SourceFile }>()

export function parse (path: string, text: string): ts.SourceFile {
  const known = parsed.get(path)
  if (known !== undefined && known.text === text) return known.file
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true)
  parsed.set(path, { text, file })
  return file
}

export function visit (node: ts.Node, take: (node: ts.Node) => void): void {
  take(node)
  ts.forEachChild(node, (child) => visit(child, take))
}

export function lineOf (node: ts.Node): number {
  const file = node.getSourceFile()
  return file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1
}

export interface Reference {
  readonly target: string
  readonly line: number
}

/** Modules named by import, export ... from, import() and import types. */
export function importsOf (file: ts.SourceFile): Reference[] {
  const found: Reference[] = []
  const add = (node: ts.Node | undefined): void => {
    if (node !== undefined && ts.isStringLiteralLike(node)) {
      found.push({ target: node.text, line: lineOf(node) })
    }
  }
  visit(file, (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier)
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal)
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0])
    }
  })
  return found
}

/** Strings that may name a script: a worker's file, a child process, new URL('./x.ts'). */
export function scriptNamesIn (file: ts.SourceFile): string[] {
  const found: string[] = []
  visit(file, (node) => {
    if (ts.isStringLiteralLike(node) && /\.(js|ts)$/.test(node.text)) found.push(node.text)
  })
  return found
}

/** Lines of `await` and `for await` outside of functions. */
export function topLevelAwaits (file: ts.SourceFile): number[] {
  const lines: number[] = []
  const take = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return
    const isAwait = ts.isAwaitExpression(node) ||
      (ts.isForOfStatement(node) && node.awaitModifier !== undefined)
    if (isAwait) lines.push(lineOf(node))
    ts.forEachChild(node, take)
  }
  take(file)
  return lines
}

/** Names that this file declares; it does not declare properties of other packages. */
export function declaredNames (file: ts.SourceFile): Array<{ name: string, line: number }> {
  const found: Array<{ name: string, line: number }> = []
  visit(file, (node) => {
    const isOurs = ts.isVariableDeclaration(node) || ts.isParameter(node) ||
      ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) ||
      ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) ||
      ts.isMethodDeclaration(node) || ts.isMethodSignature(node) ||
      ts.isPropertyDeclaration(node) || ts.isPropertySignature(node)
    if (isOurs && node.name !== undefined && ts.isIdentifier(node.name)) {
      found.push({ name: node.name.text, line: lineOf(node.name) })
    }
  })
  return found
}

/** Uses of `name` or `object.name` as an expression. */
export function usesOf (file: ts.SourceFile, names: ReadonlySet<string>): Reference[] {
  const found: Reference[] = []
  visit(file, (node) => {
    let name: string | undefined
    if (ts.isPropertyAccessExpression(node)) {
      name = node.getText(file)
    } else if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
      name = node.expression.text
    }
    if (name !== undefined && names.has(name)) found.push({ target: name, line: lineOf(node) })
  })
  return found
}

/** A group of tests is a heading, not a function that a reader must follow. */
function isTestGroup (node: ts.Node): boolean {
  return ts.isCallExpression(node.parent) && /^(describe|suite)\b/.test(node.parent.getText())
}

/** Functions and methods with the number of lines from head to closing bracket. */
export function functionLengths (
  file: ts.SourceFile
): Array<{ name: string, line: number, lines: number }> {
  const found: Array<{ name: string, line: number, lines: number }> = []
  const lineAt = (position: number): number => file.getLineAndCharacterOfPosition(position).line
  visit(file, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return
    if (isTestGroup(node)) return
    const lines = lineAt(node.getEnd()) - lineAt(node.getStart(file)) + 1
    const name = node.name?.getText(file) ?? 'a function'
    found.push({ name, line: lineOf(node), lines })
  })
  return found
}
