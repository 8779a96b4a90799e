// The jars of brokers, tools and MirrorMaker 2, fetched by Maven once and kept between runs; and
// two files with which a broker starts in a second: a metadata snapshot and a class archive.

import { createHash } from 'node:crypto'
import { execFile } from 'node:child_process'
import {
  chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { fetchArguments, libsFolder } from '../../src/demo/kafka-libs.ts'
import { javaProgram, mustRunJava, quickStartFlags } from './java.ts'
import { createTempFolder, isAlive, removeFolder } from './process-guard.ts'
import { renderServerProperties } from './server-properties.ts'
import { recordClassArchive } from './class-archive.ts'
import { repoRoot } from './repo-root.ts'
import { defaultCheckpoint, type BrokerVersion } from './versions.ts'

const run = promisify(execFile)

// A first fetch is 54 MB over a slow line; a process that waits for another's fetch waits as long.
const fetchTimeoutMs = 600_000

export interface Jars {
  /** All jars, for `java -cp`. */
  readonly classPath: string
  /**
   * The file that `StorageTool format` writes for every cluster: the features of a new cluster.
   * Brokers with ZooKeeper have none.
   */
  readonly bootstrapCheckpoint: string
  /** Where a broker reads it, below its first folder. */
  readonly checkpoint: string
  /** Flags that map the brokers' classes from an archive instead of parsing them; may be empty. */
  readonly archiveFlags: readonly string[]
}

/** Where the jars of one version are, and the arguments with which Maven fetches them. */
interface JarSource {
  readonly folder: string
  readonly fetchArguments: (folder: string) => readonly string[]
  readonly isKraft: boolean
  readonly checkpoint: string
}

const ensured = new Map<string, Promise<Jars>>()

/**
 * Resolves at once if an earlier run has fetched them; safe if several processes race. Without a
 * version: the jars of pom.xml, with tools and MirrorMaker 2.
 */
export async function ensureJars (version?: BrokerVersion): Promise<Jars> {
  const source = version === undefined ? defaultSource() : sourceOf(version)
  const jars = ensured.get(source.folder) ?? prepare(source)
  ensured.set(source.folder, jars)
  return await jars
}

function defaultSource (): JarSource {
  const folder = libsFolder(process.env)
  return { folder, fetchArguments, isKraft: true, checkpoint: defaultCheckpoint }
}

function sourceOf ({ checkpoint, version, logging, metadata }: BrokerVersion): JarSource {
  const pom = join(repoRoot(), 'test/kafka/broker-pom.xml')
  const hash = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12)
  return {
    folder: join(dirname(libsFolder(process.env)), `kafka-${version}-${hash}`),
    fetchArguments: folder => ['-q', '-B', '-f', pom, `-Dkafka.version=${version}`, `-P${logging}`,
      'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${folder}`],
    isKraft: metadata === 'kraft',
    checkpoint
  }
}

/** The class path of Kafka Streams, which only one test needs. */
export async function ensureStreamsJars (): Promise<string> {
  const pom = join(repoRoot(), 'test/kafka/streams-pom.xml')
  const hash = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12)
  const folder = join(dirname(libsFolder(process.env)), `kafka-streams-${hash}`)
  const fetchArguments = (to: string): readonly string[] => ['-q', '-B', '-f', pom,
    'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${to}`]
  if (!existsSync(folder)) {
    await underLock(`${folder}.lock`, async () => {
      if (!existsSync(folder)) await fetchJars({ folder, fetchArguments })
    })
  }
  return `${folder}/*`
}

async function prepare (source: JarSource): Promise<Jars> {
  const { checkpoint, folder, isKraft } = source
  const archive = join(folder, `broker-${await javaVersionTag()}.jsa`)
  const jars: Jars = {
    classPath: `${folder}/*`,
    bootstrapCheckpoint: join(folder, 'bootstrap.checkpoint'),
    checkpoint,
    // -Xshare:auto: an archive that does not match is ignored, and -Xlog suppresses the message.
    archiveFlags: [`-XX:SharedArchiveFile=${archive}`, '-Xshare:auto', '-Xlog:cds=off',
      '-Xlog:cds+dynamic=off']
  }
  if (isKraft ? !isReady(jars, archive) : !existsSync(folder)) {
    await underLock(`${folder}.lock`, async () => {
      if (!existsSync(folder)) await fetchJars(source)
      if (!isKraft) return
      if (!existsSync(jars.bootstrapCheckpoint)) await formatSnapshot(jars)
      if (!existsSync(archive)) await tryRecordArchive(jars, archive)
    })
  }
  return existsSync(archive) ? jars : { ...jars, archiveFlags: [] }
}

function isReady (jars: Jars, archive: string): boolean {
  return existsSync(jars.bootstrapCheckpoint) && existsSync(archive)
}

/** Only the JVM that wrote an archive can use it, so its name contains that JVM's version. */
async function javaVersionTag (): Promise<string> {
  const { stderr } = await run(javaProgram(), ['-version'])
  return createHash('sha256').update(stderr).digest('hex').slice(0, 8)
}

/** Fetched into another folder and renamed, so that the folder exists only if it is complete. */
async function fetchJars (
  { folder, fetchArguments }: Pick<JarSource, 'folder' | 'fetchArguments'>
): Promise<void> {
  say(`fetching the Kafka jars into ${folder} (about 50 MB, once)`)
  const partial = `${folder}.partial-${process.pid}`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  const args = fetchArguments(partial)
  try {
    await run('mvn', [...args], { timeout: fetchTimeoutMs, maxBuffer: 64 * 1024 * 1024 })
    renameSync(partial, folder)
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    const { stdout = '', stderr = '', message } =
      error as Error & { stdout?: string, stderr?: string }
    throw new Error(`mvn ${args.join(' ')} failed: ${message}\n${stdout}${stderr}`)
  }
}

async function formatSnapshot (jars: Jars): Promise<void> {
  const folder = createTempFolder('kafka-format')
  try {
    const properties = join(folder, 'server.properties')
    writeFileSync(properties, renderServerProperties({
      id: 1,
      logDirs: [join(folder, 'data')],
      voters: [{ id: 1, port: 1 }],
      brokerCount: 1,
      controllerPort: 1,
      listeners: [{ name: 'CLIENT', protocol: 'PLAINTEXT', port: 2, advertisedPort: 2 }]
    }))
    await mustRunJava({
      classPath: jars.classPath,
      className: 'kafka.tools.StorageTool',
      args: ['format', '-t', 'AAAAAAAAAAAAAAAAAAAAAQ', '-c', properties],
      flags: quickStartFlags
    })
    const partial = `${jars.bootstrapCheckpoint}.partial`
    copyFileSync(join(folder, 'data', jars.checkpoint), partial)
    chmodSync(partial, 0o644)
    renameSync(partial, jars.bootstrapCheckpoint)
  } finally {
    removeFolder(folder)
  }
}

/** Without an archive brokers only start more slowly, so a failure is only printed. */
async function tryRecordArchive (jars: Jars, archive: string): Promise<void> {
  say('recording the class archive of the broker (10 s, once)')
  try {
    await recordClassArchive({ ...jars, archiveFlags: [] }, archive)
  } catch (error) {
    say(`no class archive, brokers will start more slowly: ${(error as Error).message}`)
  }
}

/** An exclusively created file is the lock; the next process removes the file of a dead owner. */
async function underLock (lock: string, body: () => Promise<void>): Promise<void> {
  mkdirSync(dirname(lock), { recursive: true })
  const deadline = Date.now() + fetchTimeoutMs
  while (!tryLock(lock)) {
    if (Date.now() > deadline) throw new Error(`another process has held ${lock} for too long`)
    await sleep(100)
  }
  try {
    await body()
  } finally {
    rmSync(lock, { force: true })
  }
}

function tryLock (lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  try {
    const owner = Number(readFileSync(lock, 'utf8'))
    if (owner > 0 && !isAlive(owner)) rmSync(lock, { force: true })
  } catch {
    // Released between the two checks: the next attempt acquires it.
  }
  return false
}

function say (text: string): void {
  process.stderr.write(`kafka: ${text}\n`)
}
