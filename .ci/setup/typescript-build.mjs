// Compiles the TypeScript sources to dist/, and copies the other files of the page. Starts the
// compiler only if a source changed, and removes outputs of removed sources from dist/: the test
// runner would still run them.
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { hashFiles, listFiles, readStamp, removeStamp, writeStamp } from './stamp.mjs'
import { runLogged } from './step.mjs'
import { wantedPackages } from './node-packages.mjs'

const folders = ['src', 'test', 'perf']
const stampOf = (root) => join(root, 'dist/.longhaul-stamp')

/** The page has the types of a browser, and the rest those of Node: one project each. */
const projects = ['.', 'src/page']
const page = ['src/page']

const isSource = (name) => name.endsWith('.ts') && !name.endsWith('.d.ts')
const sources = (root) =>
  [...listFiles(root, folders, isSource), ...pageFiles(root)]
const pageFiles = (root) => listFiles(root, page, (name) => /\.(html|css)$/.test(name))
const outputOf = (source) => join('dist', source.replace(/\.ts$/, '.js'))

function wantedOutput (root) {
  const settings = projects.map((project) => join(project, 'tsconfig.json'))
    .filter((file) => existsSync(join(root, file)))
  const types = listFiles(root, folders, (name) => name.endsWith('.d.ts'))
  const files = [...settings, ...types, ...sources(root)]
  return hashFiles(root, files, [wantedPackages(root)])
}

export const typescriptBuild = {
  name: 'TypeScript build',

  whyStale ({ root }) {
    const stamp = readStamp(stampOf(root))
    if (stamp === undefined) return 'not built yet'
    if (stamp !== wantedOutput(root)) return 'sources changed'
    const absent = sources(root).find((source) => !existsSync(join(root, outputOf(source))))
    return absent === undefined ? undefined : `${outputOf(absent)} is missing`
  },

  async run ({ root }, logFile) {
    const wanted = wantedOutput(root)
    removeStamp(stampOf(root))
    removeOrphans(root)
    // The incremental state claims that a file that was removed from dist/ is up to date.
    if (sources(root).some((source) => !existsSync(join(root, outputOf(source))))) {
      for (const state of ['.tsbuildinfo', '.tsbuildinfo-page']) {
        rmSync(join(root, 'dist', state), { force: true })
      }
    }
    for (const project of projects) {
      if (!existsSync(join(root, project, 'tsconfig.json'))) continue
      const compiler = join(root, 'node_modules/typescript/bin/tsc')
      await runLogged(process.execPath, [compiler, '-p', project], {
        logFile,
        cwd: root,
        wayOut: 'mend what the compiler names, then start again'
      })
    }
    for (const file of pageFiles(root)) {
      mkdirSync(dirname(join(root, outputOf(file))), { recursive: true })
      copyFileSync(join(root, file), join(root, outputOf(file)))
    }
    makeExecutable(root)
    writeStamp(stampOf(root), wanted)
  }
}

/** The compiler writes plain files, but npx and npm link execute the file of package.json's bin. */
function makeExecutable (root) {
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const file of Object.values(bin)) {
    if (existsSync(join(root, file))) chmodSync(join(root, file), 0o755)
  }
}

/** Removes every file of dist/ without a source. */
export function removeOrphans (root) {
  const wanted = new Set(sources(root).map(outputOf))
  const outputs = listFiles(root, folders.map((folder) => join('dist', folder)), () => true)
  for (const output of outputs) {
    const script = output.replace(/(\.d\.ts|\.js\.map|\.d\.ts\.map)$/, '.js')
    if (!wanted.has(script)) rmSync(join(root, output))
  }
}
