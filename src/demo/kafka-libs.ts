// Finds the programs with which `demo --kafka` runs real brokers: Java and a folder of Kafka's
// jars. If they are missing, the error names how to install them.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { javaProgram, type Environment } from './java-process.ts'

export interface KafkaLibs {
  readonly java: string
  /** The class path for `java -cp`. */
  readonly classPath: string
}

export interface KafkaLibsOptions {
  /**
   * A folder of jars, for example `libs` of a Kafka distribution; undefined: the jars in the cache.
   */
  readonly folder: string | undefined
  readonly environment: Environment
}

/** A program or file is missing on this machine; the text names the way out. */
export class KafkaMissing extends Error {}

const javaVersionMin = 17

export function findKafkaLibs ({ environment, folder }: KafkaLibsOptions): KafkaLibs {
  const libs = folder ?? cachedLibs(environment)
  if (!hasBroker(libs)) throw new KafkaMissing(`${libs} holds no kafka-server jar`)
  return { java: findJava(environment), classPath: join(libs, '*') }
}

function findJava (environment: Environment): string {
  const java = javaProgram(environment)
  const { status, stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' })
  const [, version = '0'] = /version "(\d+)/.exec(stderr ?? '') ?? []
  if (status === 0 && Number(version) >= javaVersionMin) return java
  const found = status === 0 ? `${java} is version ${version}` : `${java} does not run`
  throw new KafkaMissing(`Kafka brokers need Java ${javaVersionMin} or later, and ${found}. ` +
    `On Debian or Ubuntu: apt-get install openjdk-${javaVersionMin}-jre-headless`)
}

/** The folder in which the tests keep the jars that they fetched. */
function cachedLibs (environment: Environment): string {
  const cache = cacheFolder(environment)
  const folders = existsSync(cache)
    ? readdirSync(cache).filter(name => /^kafka-libs-\w+$/.test(name))
    : []
  const found = folders.map(name => join(cache, name)).find(hasBroker)
  if (found !== undefined) return found
  const orFetch = existsSync(pomPath())
    ? ', or fetch them once (54 MB) with\n  mvn ' +
      fetchArguments(libsFolder(environment)).join(' ')
    : ''
  throw new KafkaMissing(`no jars of Kafka in ${cache}; give a folder with --kafka-libs${orFetch}`)
}

function pomPath (): string { return join(repositoryRoot(), 'test/kafka/pom.xml') }

function cacheFolder (environment: Environment): string {
  return environment['LONGHAUL_CACHE'] ?? join(repositoryRoot(), '.cache')
}

/** The folder in which the tests keep the jars of their pom.xml. */
export function libsFolder (environment: Environment): string {
  const hash = createHash('sha256').update(readFileSync(pomPath())).digest('hex').slice(0, 12)
  return join(cacheFolder(environment), `kafka-libs-${hash}`)
}

/** The arguments with which Maven fetches the jars into the folder. */
export function fetchArguments (folder: string): readonly string[] {
  return ['-q', '-B', '-f', pomPath(), 'dependency:copy-dependencies', '-DincludeScope=runtime',
    `-DoutputDirectory=${folder}`]
}

function hasBroker (folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).some(name => /^kafka_2\.\d+-.*\.jar$/.test(name))
}

/** The nearest folder above this file with a package.json: dist/ is below it. */
export function repositoryRoot (): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) || dirname(folder) === folder) return folder
  }
}
