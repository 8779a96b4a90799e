// Rules for files: their names, lengths and first lines, and text that no file may contain.
import { dirname, posix } from 'node:path'
import { matchingLines, perFile, type Rule } from './rule.ts'
import { functionLengths, parse } from './syntax.ts'

const isCode = (path: string): boolean => /\.(ts|mjs|js|h|cc|c|gyp)$/.test(path)
const isTypeScript = (path: string): boolean => path.endsWith('.ts')
const isGenerated = (path: string): boolean => /\.generated\./.test(path)
/** The rules and their fixtures must name what they forbid. */
const isTidy = (path: string): boolean => /^test\/tidy(\/|\.test\.ts$)/.test(path)

const lineColumnsMax = 100
const functionLinesMax = 70
const codeLinesMax = 400
const testLinesMax = 600

const vagueNames = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'manager', 'misc'])

function linesMax (path: string): number | undefined {
  if (!isCode(path) || isGenerated(path)) return undefined
  return path.startsWith('test/') ? testLinesMax : codeLinesMax
}

function countLines (text: string): number {
  return text.endsWith('\n') ? text.split('\n').length - 1 : text.split('\n').length
}

/** A .cc is explained in the .h of the same name: the two belong together. */
function opensElsewhere (path: string, paths: ReadonlySet<string>): boolean {
  return /\.(cc|c)$/.test(path) && paths.has(path.replace(/\.(cc|c)$/, '.h'))
}

const fileNames: readonly Rule[] = [
  perFile(
    'no file is named after nothing',
    'name it by the Kafka noun it owns; if it owns several, split it',
    () => true,
    (path) => path.split(/[/\-_.]/).filter((word) => vagueNames.has(word))
      .map((word) => ({ line: 0, what: `"${word}" in a path` }))
  ),
  perFile(
    'TypeScript files are kebab-case, C++ files snake_case',
    'kebab-case.ts, snake_case.cc',
    (path) => /\.(ts|mjs|h|cc|c)$/.test(path) && !isGenerated(path),
    (path) => {
      const [name = ''] = posix.basename(path).split('.')
      const fits = /\.(ts|mjs)$/.test(path) ? /^[a-z0-9-]+$/ : /^[a-z0-9_]+$/
      return fits.test(name) ? [] : [{ line: 0, what: name }]
    }
  ),
  perFile(
    'no barrel files but src/dataplane/index.ts',
    'import from the file that owns the name',
    (path) => posix.basename(path) === 'index.ts',
    (path) => path === 'src/dataplane/index.ts' ? [] : [{ line: 0, what: 'index.ts' }]
  )
]

const sizes: readonly Rule[] = [
  perFile(
    `files stop at ${codeLinesMax} lines (tests ${testLinesMax})`,
    'split the file by concept',
    (path) => linesMax(path) !== undefined,
    (path, text) => {
      const lines = countLines(text)
      return lines > (linesMax(path) ?? Infinity) ? [{ line: 0, what: `${lines} lines` }] : []
    }
  ),
  perFile(
    `lines stop at ${lineColumnsMax} columns`,
    'break the line',
    (path) => isCode(path) && !isGenerated(path),
    (_path, text) => text.split('\n').flatMap((line, index) =>
      line.length > lineColumnsMax ? [{ line: index + 1, what: `${line.length} columns` }] : [])
  ),
  perFile(
    `functions stop at ${functionLinesMax} lines`,
    'give a part of it a name of its own',
    isTypeScript,
    (path, text) => functionLengths(parse(path, text))
      .filter(({ lines }) => lines > functionLinesMax)
      .map(({ name, line, lines }) => ({ line, what: `${name} has ${lines} lines` }))
  )
]

const contents: readonly Rule[] = [
  {
    name: 'each file opens with a comment that says what it owns',
    instead: 'one to four lines on top: what it owns, what it does not',
    find: (tree) => {
      const paths = new Set(tree.keys())
      return [...tree]
        .filter(([path]) => /\.(ts|mjs|js|h|cc|c)$/.test(path) && !opensElsewhere(path, paths))
        .filter(([, text]) => !/^(#!.*\n)?\s*(\/\/|\/\*)/.test(text))
        .map(([path]) => ({ path, line: 1, what: 'no comment on top' }))
    }
  },
  perFile(
    'nothing unfinished is committed',
    'finish it, or describe it in an issue',
    (path) => !isTidy(path) && path !== 'LICENSE',
    (_path, text) => matchingLines(text, /\b(TODO|FIXME|XXX|HACK)\b/)
  ),
  perFile(
    'no path of one machine',
    'a path relative to the repository, or a folder of os.tmpdir()',
    (path) => !isTidy(path),
    (_path, text) => matchingLines(text, /(?<![\w.])\/(root|home|work|Users)\/[\w.-]+/)
  ),
  perFile(
    'text ends with a line end and holds no tabs or blanks at line ends',
    'let the editor read .editorconfig',
    (path) => isCode(path),
    (_path, text) => [
      ...matchingLines(text, /[ \t]+$|\t/).map(({ line }) => ({ line, what: 'tab or blank' })),
      ...(text.endsWith('\n') ? [] : [{ line: 0, what: 'no line end at the end' }])
    ]
  )
]

const packages: readonly Rule[] = [
  perFile(
    'the lockfile holds no download addresses',
    'npm config set omit-lockfile-registry-resolved true; npm install --package-lock-only',
    (path) => posix.basename(path) === 'package-lock.json',
    (_path, text) => matchingLines(text, /"resolved":|"https?:\/\/[^"]*\.tgz"/)
  ),
  perFile(
    'dependencies are pinned exactly',
    'write the version without a range sign',
    (path) => path === 'package.json',
    (_path, text) => {
      const { dependencies, devDependencies } = JSON.parse(text) as Record<string, object>
      return Object.entries<string>({ ...dependencies, ...devDependencies })
        .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
        .map(([name, version]) => ({ line: 0, what: `${name} ${version}` }))
    }
  )
]

const links: Rule = {
  name: 'links between documents lead somewhere',
  instead: 'mend the path (relative to the document)',
  find: (tree) => [...tree].filter(([path]) => path.endsWith('.md')).flatMap(([path, text]) =>
    [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)]
      .map((match) => match[1] ?? '')
      .filter((link) => !leadsSomewhere(tree, posix.normalize(posix.join(dirname(path), link))))
      .map((link) => ({ path, line: 0, what: link })))
}

function leadsSomewhere (tree: ReadonlyMap<string, string>, target: string): boolean {
  const folder = target.endsWith('/') ? target : `${target}/`
  return tree.has(target) || [...tree.keys()].some((path) => path.startsWith(folder))
}

/** Each file's header says what it owns; the map says what a folder is and how it works. */
const folderMap: Rule = {
  name: 'the folder map of ARCHITECTURE.md has a section for each folder of src/, and no other',
  instead: 'add a section "### `src/folder/`", or delete it',
  find: (tree) => {
    const path = 'ARCHITECTURE.md'
    const map = tree.get(path)
    if (map === undefined) return []
    const mapped = new Set([...map.matchAll(/^### `(src\/[\w/-]*)`/gm)]
      .map(([, folder = '']) => folder))
    const present = new Set([...tree.keys()]
      .filter((file) => /^src\/.*\.(ts|h|cc|c)$/.test(file))
      .map((file) => `${posix.dirname(file)}/`))
    return [
      ...[...present].filter((folder) => !mapped.has(folder))
        .map((folder) => ({ path, line: 0, what: `${folder} has no section` })),
      ...[...mapped].filter((folder) => !present.has(folder))
        .map((folder) => ({ path, line: 0, what: `there is no ${folder}` }))
    ]
  }
}

export const layoutRules: readonly Rule[] =
  [...fileNames, ...sizes, ...contents, ...packages, links, folderMap]
