// One broker process: started, killed, paused, stopped and restarted by its pid.

import type { ChildProcess } from 'node:child_process'
import {
  closeSync, copyFileSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync, readSync,
  writeFileSync
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { eventually } from './eventually.ts'
import type { Jars } from './jars.ts'
import { javaArguments, javaProgram } from './java.ts'
import { hasExited, killChild, spawnGuarded, stopChild, waitForExit } from './process-guard.ts'
import { renderServerProperties, type ServerSettings } from './server-properties.ts'

const stopTimeoutMs = 60_000
/** The main class of a broker with KRaft, and of one with ZooKeeper. */
const startedLine = /Kafka Server started|\[KafkaServer id=\d+\] started/

export interface JvmSettings {
  readonly heapMb?: number
  /** Replaces the flags for a quick start; for measurements, which need the best code. */
  readonly flags?: readonly string[]
  /** Java system properties: `log4j2.properties` reads some. */
  readonly properties?: Readonly<Record<string, string>>
}

export interface BrokerSettings {
  readonly jars: Jars
  readonly clusterId: string
  /** Holds properties, log and data of this broker. */
  readonly folder: string
  readonly server: Omit<ServerSettings, 'logDirs'>
  /** Folders that act as disks: the broker continues if one of several fails. 1 by default. */
  readonly logDirCount?: number
  readonly jvm: JvmSettings
  /** Before the command of the process, for example to enter a network namespace. */
  readonly commandPrefix?: readonly string[]
}

export class Broker {
  readonly id: number
  /** Port of the listener clients use when there is neither a proxy nor SASL. */
  readonly port: number
  /** The address of that listener. */
  readonly host: string
  /** The folder of `<topic>-<partition>/`; the first of its folders, if it has several. */
  readonly logDir: string
  readonly logDirs: readonly string[]
  readonly #settings: BrokerSettings
  readonly #outputPath: string
  #child: ChildProcess | undefined
  #isPaused = false

  constructor (settings: BrokerSettings) {
    this.#settings = settings
    this.id = settings.server.id
    const [listener] = settings.server.listeners
    this.port = listener?.port ?? 0
    this.host = listener?.host ?? '127.0.0.1'
    this.logDir = join(settings.folder, 'data')
    const more = Array.from({ length: (settings.logDirCount ?? 1) - 1 }, (_, index) =>
      join(settings.folder, `data-${index + 2}`))
    this.logDirs = [this.logDir, ...more]
    this.#outputPath = join(settings.folder, 'broker.log')
    this.#format()
  }

  get pid (): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined
  }

  get isRunning (): boolean {
    return this.#child !== undefined && !hasExited(this.#child)
  }

  /** Runs and is not paused: it answers requests. */
  get isAnswering (): boolean {
    return this.isRunning && !this.#isPaused
  }

  /** Resolves when the broker serves requests; a failed start throws with the end of its log. */
  async start (): Promise<void> {
    if (this.isRunning) throw new Error(`broker ${this.id} is running`)
    const { commandPrefix = [], jars, jvm } = this.#settings
    const output = openSync(this.#outputPath, 'a+')
    try {
      const from = fstatSync(output).size
      const [command = '', ...args] = [...commandPrefix, javaProgram(), ...javaArguments({
        classPath: jars.classPath,
        className: 'kafka.Kafka',
        args: [join(this.#settings.folder, 'server.properties')],
        flags: [...heapFlags(jvm), ...jars.archiveFlags]
      })]
      const child = spawnGuarded(command, args, { stdio: ['ignore', output, output] })
      // If a test forgot to close its cluster, the process still ends, and ends the broker.
      child.unref()
      child.on('error', () => {})
      this.#child = child
      this.#isPaused = false
      await this.#untilStarted(child, output, from)
    } finally {
      closeSync(output)
    }
  }

  /** A hanging broker: its connections stay open, and it does not answer until it continues. */
  pause (): void {
    this.#isPaused = true
    this.#child?.kill('SIGSTOP')
  }

  continue (): void {
    this.#isPaused = false
    this.#child?.kill('SIGCONT')
  }

  /** Resolves once the process has ended. */
  async kill (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (signal === 'SIGSTOP') { this.pause(); return }
    if (signal === 'SIGCONT') { this.continue(); return }
    if (this.#child === undefined || hasExited(this.#child)) return
    this.#child.kill(signal)
    if (await waitForExit(this.#child, stopTimeoutMs)) return
    const what = `broker ${this.id} outlived ${signal} by ${stopTimeoutMs} ms`
    throw new Error(`${what}\n${this.logTail()}`)
  }

  /** A controlled shutdown: leaders move to other brokers first. */
  async stop (): Promise<void> {
    this.continue() // a paused process would not receive SIGTERM
    if (this.#child !== undefined) await stopChild(this.#child, stopTimeoutMs)
  }

  /** Stops the broker if it runs, and starts it on the same ports and data. */
  async restart (): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** The quickest end, for clusters whose data will be removed. */
  async destroy (): Promise<void> {
    if (this.#child !== undefined && !hasExited(this.#child)) await killChild(this.#child)
  }

  logTail (lines = 40): string {
    if (!existsSync(this.#outputPath)) return ''
    return readFileSync(this.#outputPath, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  }

  /**
   * Does the work of `StorageTool format`, without a second of JVM: the ids are the test's, the
   * features the tool's.
   */
  #format (): void {
    const { folder, jars, clusterId, server } = this.#settings
    writeFileSync(join(folder, 'server.properties'),
      renderServerProperties({ ...server, logDirs: this.logDirs }))
    if (server.zookeeperPort !== undefined) return // ZooKeeper has the cluster id
    for (const logDir of this.logDirs) {
      mkdirSync(logDir, { recursive: true })
      writeFileSync(join(logDir, 'meta.properties'), [
        'version=1', `cluster.id=${clusterId}`, `node.id=${server.id}`,
        `directory.id=${randomKafkaUuid()}`, ''
      ].join('\n'))
    }
    const checkpoint = join(this.logDir, jars.checkpoint)
    mkdirSync(dirname(checkpoint), { recursive: true })
    copyFileSync(jars.bootstrapCheckpoint, checkpoint)
  }

  async #untilStarted (child: ChildProcess, output: number, from: number): Promise<void> {
    try {
      await eventually(`start of broker ${this.id}`, () => {
        if (hasExited(child)) throw new Error(`broker ${this.id} ended with ${child.exitCode}`)
        return startedLine.test(readFrom(output, from))
      })
    } catch (error) {
      await this.destroy()
      throw new Error(`${(error as Error).message}\n${this.logTail()}`)
    }
  }
}

/** 16 random bytes as Kafka writes them; a leading dash would look like an option of its tools. */
export function randomKafkaUuid (): string {
  for (;;) {
    const text = randomBytes(16).toString('base64url')
    if (!text.startsWith('-')) return text
  }
}

function heapFlags ({ heapMb = 384, flags, properties = {} }: JvmSettings): string[] {
  const chosen = flags ?? ['-Xms128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xss512k']
  const set = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`)
  return [`-Xmx${heapMb}m`, ...chosen, ...set]
}

function readFrom (file: number, from: number): string {
  const length = fstatSync(file).size - from
  if (length <= 0) return ''
  const bytes = Buffer.allocUnsafe(length)
  return bytes.toString('utf8', 0, readSync(file, bytes, 0, length, from))
}
