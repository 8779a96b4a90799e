// Finds what `demo --kafka` runs real brokers with: a Java program and a folder of Kafka's jars,
// or says what would bring them here.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface KafkaLibs {
  readonly java: string
  /** For `java -cp`. */
  readonly classPath: string
}

export interface KafkaLibsOptions {
  /** A folder of jars, a Kafka distribution's `libs` for example; undefined: the cache's. */
  readonly folder: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Something is missing on this machine; the text says what to do. */
export class KafkaMissing extends Error {}

const javaVersionMin = 17

export function findKafkaLibs ({ environment, folder }: KafkaLibsOptions): KafkaLibs {
  const libs = folder ?? cachedLibs(environment)
  if (!hasBroker(libs)) throw new KafkaMissing(`${libs} holds no kafka-server jar`)
  return { java: findJava(environment), classPath: join(libs, '*') }
}

function findJava (environment: KafkaLibsOptions['environment']): string {
  const home = environment['JAVA_HOME'] ?? ''
  const java = home === '' ? 'java' : join(home, 'bin', 'java')
  const { status, stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' })
  const [, version = '0'] = /version "(\d+)/.exec(stderr ?? '') ?? []
  if (status === 0 && Number(version) >= javaVersionMin) return java
  const found = status === 0 ? `${java} is version ${version}` : `${java} does not run`
  throw new KafkaMissing(`Kafka brokers need Java ${javaVersionMin} or later, and ${found}. ` +
    `On Debian or Ubuntu: apt-get install openjdk-${javaVersionMin}-jre-headless`)
}

/** Where the tests keep the jars that they fetched. */
function cachedLibs (environment: KafkaLibsOptions['environment']): string {
  const root = repositoryRoot()
  const cache = environment['LONGHAUL_CACHE'] ?? join(root, '.cache')
  const folders = existsSync(cache)
    ? readdirSync(cache).filter(name => /^kafka-libs-\w+$/.test(name))
    : []
  const found = folders.map(name => join(cache, name)).find(hasBroker)
  if (found !== undefined) return found
  const pom = join(root, 'test/kafka/pom.xml')
  const orFetch = existsSync(pom)
    ? `, or fetch them once (54 MB) with\n  ${fetchCommand(pom, cache)}`
    : ''
  throw new KafkaMissing(`no jars of Kafka in ${cache}; give a folder with --kafka-libs${orFetch}`)
}

/** The tests look for the jars under this name, too. */
function fetchCommand (pom: string, cache: string): string {
  const hash = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12)
  return `mvn -q -B -f ${pom} dependency:copy-dependencies -DincludeScope=runtime ` +
    `-DoutputDirectory=${join(cache, `kafka-libs-${hash}`)}`
}

function hasBroker (folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).some(name => /^kafka_2\.\d+-.*\.jar$/.test(name))
}

/** The nearest folder above this file that holds package.json: dist/ is below it. */
function repositoryRoot (): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) || dirname(folder) === folder) return folder
  }
}
