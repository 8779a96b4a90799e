// Which test files exist and of which kind: by their names, and by whether their imports reach a
// module that starts Kafka brokers or other Java programs.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { listFiles } from '../setup/stamp.mjs'

const startsJava = ['dist/test/kafka/cluster.js', 'dist/test/kafka/mirror-maker-oracle.js']
/** For tests that are too long for every change: npm run test:long, npm run test:versions. */
const isLong = (file) => file.endsWith('.long.test.js')
const isOfVersions = (file) => file.endsWith('.versions.test.js')

/** @returns {Record<'unit' | 'cluster' | 'long' | 'versions', string[]>} paths from the root */
export function listTestFiles (root) {
  const files = listFiles(root, ['dist/test'], (name) => name.endsWith('.test.js'))
  const imports = new Map()
  const importsOf = (file) => {
    if (!imports.has(file)) imports.set(file, readImports(root, file))
    return imports.get(file)
  }
  const usesJava = (file) => {
    const reached = closureOf(file, importsOf)
    return startsJava.some((module) => reached.has(module))
  }
  const short = files.filter((file) => !isLong(file) && !isOfVersions(file))
  return {
    unit: short.filter((file) => !usesJava(file)),
    cluster: short.filter(usesJava),
    long: files.filter(isLong),
    versions: files.filter(isOfVersions)
  }
}

/** The file and everything that it imports, directly or indirectly. */
function closureOf (file, importsOf) {
  const reached = new Set([file])
  for (const each of reached) {
    for (const imported of importsOf(each)) reached.add(imported)
  }
  return reached
}

function readImports (root, file) {
  if (!existsSync(join(root, file))) return []
  const text = readFileSync(join(root, file), 'utf8')
  // tsc writes one statement on a line, so that a comment does not match.
  return [/^(?:import|export)\b.*?["'](\.[^"']+\.js)["']/gm, /\bimport\(["'](\.[^"']+)["']\)/g]
    .flatMap((pattern) => [...text.matchAll(pattern)])
    .map(([, name]) => normalize(join(dirname(file), name)))
}
