// Which test files there are and of which kind: by their names, and by whether what they import
// reaches a module that starts Kafka brokers or other programs in Java.
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

/** The file and all that it imports, by way of others or not. */
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
  // As tsc writes them: a statement a line, so that a comment is none.
  return [/^(?:import|export)\b.*?["'](\.[^"']+\.js)["']/gm, /\bimport\(["'](\.[^"']+)["']\)/g]
    .flatMap((pattern) => [...text.matchAll(pattern)])
    .map(([, name]) => normalize(join(dirname(file), name)))
}
