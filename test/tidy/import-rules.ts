// Rules for imports: rows of (from, to, unless, instead), and files that nothing imports.
import { posix } from 'node:path'
import type { Finding, Rule, Tree } from './rule.ts'
import { importsOf, parse, scriptNamesIn, topLevelAwaits } from './syntax.ts'

export interface ImportRow {
  readonly from: RegExp
  /** A repo-relative path, or the name of a package or of a node: module. */
  readonly to: RegExp
  /** Pairs "from -> to" that are allowed nevertheless. */
  readonly unless?: RegExp
  readonly instead: string
}

const pureModules = new RegExp('^src/orchestrator/(policy/|progress/task-slots\\.ts|' +
  'progress/(progress|progress-history|leader-epochs)\\.ts|groups/offset-map\\.ts|' +
  '.*-(filter|policy|assignor)\\.ts)')

/** Layers from top to bottom; an arrow may point down only (and within its own folder). */
export const importRows: readonly ImportRow[] = [
  {
    from: /^src\//,
    to: /^(test|perf)\//,
    instead: 'src stands alone: move what both need into src'
  },
  {
    from: /./,
    to: /^src\/orchestrator\/main\.ts$/,
    instead: 'main.ts is the top: move what you need into a file of its own'
  },
  {
    from: /^src\/dataplane\//,
    to: /^src\/orchestrator\//,
    unless: /contract\/.* -> src\/orchestrator\/errors\/(error-table|data-plane-errors)\.ts$/,
    instead: 'the data plane knows no control plane: hand it down as a setting'
  },
  {
    from: /^src\/orchestrator\//,
    to: /^src\/dataplane\//,
    unless: new RegExp(
      '-> src/dataplane/contract/|' +
      '^src/orchestrator/(flow|inbound|lanes|partitions)/.* -> src/dataplane/(index|lane)\\.ts$|' +
      '^src/orchestrator/cluster/native-[a-z-]+\\.ts -> src/dataplane/index\\.ts$'
    ),
    instead: 'only lanes/ and cluster/native-*.ts open the data plane, by src/dataplane/index.ts'
  },
  {
    from: /^src\/orchestrator\/errors\//,
    to: /./,
    unless: /-> src\/orchestrator\/errors\//,
    instead: 'the error table imports nothing'
  },
  {
    from: /^src\/orchestrator\/time\//,
    to: /^src\//,
    unless: /-> src\/orchestrator\/(time|errors|config)\//,
    instead: 'time/ may use config/ and errors/ only'
  },
  {
    from: /^src\/orchestrator\/config\//,
    to: /^src\//,
    unless: /-> src\/(orchestrator\/(config|policy|errors|time)|dataplane\/contract)\//,
    instead: 'config/ may use policy/, errors/, time/ and the contract table only'
  },
  {
    from: /^src\/orchestrator\/observability\//,
    to: /^src\//,
    unless: /-> src\/(orchestrator\/(observability|config|errors|time)|dataplane\/contract)\//,
    instead: 'observability fetches nothing: pass it a function as argument'
  },
  {
    from: /^src\/orchestrator\/policy\//,
    to: /^src\//,
    unless: /-> src\/orchestrator\/(policy|errors)\//,
    instead: 'policy/ is pure and may use errors/ only: config/ makes policies, not the reverse'
  },
  {
    from: /^src\/orchestrator\/cluster\//,
    to: /^src\/orchestrator\//,
    unless: /-> src\/orchestrator\/(cluster|policy|config|errors|time|observability)\//,
    instead: 'cluster/ is below flow/ and cli/: move what both need down'
  },
  ...['topics', 'groups', 'heartbeats', 'canary'].map((folder): ImportRow => ({
    from: new RegExp(`^src/orchestrator/${folder}/`),
    to: /^src\/orchestrator\/(cli|flow|topics|groups|heartbeats|canary)\//,
    unless: new RegExp(`-> src/orchestrator/${folder}/`),
    instead: 'topics/, groups/, heartbeats/ and canary/ do not know each other: move it down'
  })),
  // The folders of a flow, from top to bottom: each may use the later ones in this list.
  ...[
    'doctor', 'plan', 'api', 'flow', 'partitions', 'lanes', 'ownership', 'control', 'inbound',
    'progress'
  ].map((folder, i, all): ImportRow => ({
    from: new RegExp(`^src/orchestrator/${folder}/`),
    to: new RegExp(`^src/(demo|orchestrator/(cli|${all.slice(0, i).join('|') || 'main'}))/`),
    instead: `the folders of a flow stand in this order: ${all.join(', ')}; it may use later ones`
  })),
  {
    from: /^src\/(dataplane|orchestrator\/(?!cli\/))/,
    to: /^src\/demo\//,
    instead: 'only cli/ runs the demo'
  },
  {
    from: /^src\/page\//,
    to: /^(src\/(?!page\/)|node:)/,
    instead: 'the page runs in a browser: it reads what the API answers'
  },
  {
    from: /^src\/(?!page\/)/,
    to: /^src\/page\//,
    instead: 'the process serves the files of the page, and runs none of them'
  },
  {
    from: /^src\/orchestrator\/(?!cli\/|bench\/|tune\/)/,
    to: /^src\/orchestrator\/(bench|tune)\//,
    instead: 'only cli/ runs a bench'
  },
  {
    from: pureModules,
    // Plain values, no code that waits or writes.
    unless: /-> src\/orchestrator\/observability\/snapshot\.ts$/,
    to: /^(src\/orchestrator\/(time|observability|cluster)\/|node:(fs|net|http|timers|child_pro))/,
    instead: 'a pure module computes: its caller reads, waits and logs'
  },
  ...[
    ['commander', 'cli'], ['pino', 'observability'], ['prom-client', 'observability'],
    ['properties-file', 'config'], ['piscina', '(lanes|bench)'], ['jks-js', 'config'],
    ['(@fastify/|fastify)', 'api']
  ].map(([library = '', folder = '']): ImportRow => ({
    from: /^src\//,
    to: new RegExp(`^${library}(/|$)`),
    unless: new RegExp(`^src/orchestrator/${folder}/`),
    instead: `${library} is used in src/orchestrator/${folder}/ only`
  }))
]

/** './x.ts' or './x.js' as seen from a file; names of packages and node modules are unchanged. */
function resolveImport (from: string, target: string): string {
  if (!target.startsWith('.')) return target
  const path = posix.normalize(posix.join(posix.dirname(from), target))
  return path.replace(/\.js$/, '.ts')
}

const isTypeScript = (path: string): boolean => path.endsWith('.ts')

function findForbidden (tree: Tree): Finding[] {
  const found: Finding[] = []
  for (const [path, text] of tree) {
    if (!isTypeScript(path)) continue
    for (const { target, line } of importsOf(parse(path, text))) {
      const to = resolveImport(path, target)
      const row = importRows.find(({ from, to: banned, unless }) =>
        from.test(path) && banned.test(to) && !(unless?.test(`${path} -> ${to}`) ?? false))
      if (row !== undefined) found.push({ path, line, what: to, instead: row.instead })
    }
  }
  return found
}

/** Entry points: the command line, the worker, the scripts of npm, each test. */
function entriesOf (tree: Tree): string[] {
  const scripts = tree.get('package.json') ?? ''
  const started = [...scripts.matchAll(/dist\/((?:src|perf|test)\/[\w/.-]+)\.js/g)]
    .map((match) => `${match[1] ?? ''}.ts`)
  return [...started, ...[...tree.keys()].filter((path) => /\.test\.ts$/.test(path))]
}

/** A file that only tests reach is also dead: src is followed from src's own entry points. */
function findUnreached (tree: Tree): Finding[] {
  const entries = entriesOf(tree)
  const live = reach(tree, entries.filter((path) => path.startsWith('src/')))
  const all = reach(tree, entries)
  return [...tree.keys()]
    .filter((path) => isTypeScript(path) && !path.endsWith('.d.ts'))
    .filter((path) => !(path.startsWith('src/') ? live : all).has(path))
    .map((path) => ({ path, line: 0, what: 'nothing that runs imports it' }))
}

function reach (tree: Tree, entries: readonly string[]): Set<string> {
  const reached = new Set<string>()
  const left = [...entries]
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    const text = tree.get(path)
    if (text === undefined || reached.has(path)) continue
    reached.add(path)
    const file = parse(path, text)
    const names = [...importsOf(file).map(({ target }) => target), ...scriptNamesIn(file)]
    for (const name of names) left.push(...scriptPaths(path, name))
  }
  return reached
}

/** A script's name may be relative to its file, or to the repository, or to dist/ in it. */
function scriptPaths (from: string, name: string): string[] {
  const relative = resolveImport(from, name.startsWith('.') ? name : `./${name}`)
  const absolute = name.replace(/^\.?\/?(dist\/)?/, '').replace(/\.js$/, '.ts')
  return [relative, absolute]
}

/** What worker threads load first: lanes, the load of a bench, the programs of tests. */
const workerPrograms =
  /^(src\/dataplane\/lane|src\/orchestrator\/bench\/batch-worker|test\/.*-exit-program)\.ts$/

/**
 * V8 aborts the process ("Check failed: (location_) != nullptr" in ExecuteAsyncModule) if a worker
 * is terminated after its last check of interrupts and before a module that awaits at its top
 * level begins: V8 then calls Promise.prototype.then, and does not expect the termination there.
 * https://github.com/nodejs/node/issues/43182 is about the same check. Seen with Node 20: on a busy
 * machine a test ended by SIGTRAP once in some days.
 */
function findAwaitsOfWorkers (tree: Tree): Finding[] {
  const loaded = reach(tree, [...tree.keys()].filter(path => workerPrograms.test(path)))
  return [...loaded].flatMap(path =>
    topLevelAwaits(parse(path, tree.get(path) ?? '')).map(line =>
      ({ path, line, what: 'a worker thread loads this module' })))
}

export const importRules: readonly Rule[] = [
  {
    name: 'imports point down',
    instead: 'ARCHITECTURE.md shows the layers; what two siblings need moves down',
    find: findForbidden
  },
  {
    name: 'no dead files',
    instead: 'import it from what runs, start it from an npm script, or remove it',
    find: findUnreached
  },
  {
    name: 'no module of a worker awaits at its top level',
    instead: 'await in a function that the module calls; Node ends with an error if it rejects',
    find: findAwaitsOfWorkers
  }
]
