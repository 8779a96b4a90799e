// One real Kafka broker, which is a whole cluster: KRaft, on 127.0.0.1, with its data in a
// temporary folder. The broker ends with this process, even if this process is killed.
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openClusterAdmin } from '../orchestrator/cluster/native-cluster-admin.ts'
import type { Clock } from '../orchestrator/time/clock.ts'
import { deathSignalWrapper, hasExited } from './java-process.ts'
import type { KafkaLibs } from './kafka-libs.ts'
import { renderServerProperties, serverProperties } from './server-properties.ts'

export interface KafkaBrokerOptions {
  readonly name: string
  readonly libs: KafkaLibs
  readonly clock: Clock
  readonly stopped: AbortSignal
}

const startMsMax = 60_000
const startPollMs = 200
const stopMsMax = 10_000
const requestTimeoutMs = 2_000
const [firstPort, endPort] = [10_000, 20_000]
const portAttemptsMax = 100
// The broker runs for seconds, in which the second compiler brings no gain.
const javaFlags = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

export class KafkaBroker {
  readonly #options: KafkaBrokerOptions
  readonly #folder: string
  readonly #logPath: string
  readonly #onExit = (): void => { this.#destroy() }
  #port = 0
  #child: ChildProcess | undefined

  private constructor (options: KafkaBrokerOptions) {
    this.#options = options
    this.#folder = mkdtempSync(join(tmpdir(), `longhaul-demo-${options.name}-`))
    this.#logPath = join(this.#folder, 'broker.log')
    process.on('exit', this.#onExit)
  }

  /** Resolves when the broker answers; a rejection leaves no process and no folder. */
  static async start (options: KafkaBrokerOptions): Promise<KafkaBroker> {
    const broker = new KafkaBroker(options)
    try {
      await broker.#format()
      broker.#child = broker.#spawnJava('kafka.Kafka', [broker.#propertiesPath])
      await broker.#untilItAnswers(broker.#child)
      return broker
    } catch (thrown) {
      await broker.stop()
      throw thrown
    }
  }

  get address (): string { return `127.0.0.1:${this.#port}` }

  /** Idempotent. Kills the broker without a shutdown, because its data are deleted. */
  async stop (): Promise<void> {
    const child = this.#child
    if (child !== undefined && !hasExited(child)) {
      const exited = once(child, 'exit')
      const waited = new AbortController()
      child.kill('SIGKILL')
      await Promise.race([
        exited, this.#options.clock.sleep(stopMsMax, waited.signal).catch(() => {})
      ])
      waited.abort()
    }
    this.#destroy()
    process.off('exit', this.#onExit)
  }

  get #propertiesPath (): string { return join(this.#folder, 'server.properties') }

  async #format (): Promise<void> {
    const [port = 0, controllerPort = 0] = await freePorts(2)
    this.#port = port
    writeFileSync(this.#propertiesPath, renderServerProperties(serverProperties({
      id: 1,
      logDirs: [join(this.#folder, 'data')],
      voters: [{ id: 1, port: controllerPort }],
      brokerCount: 1,
      controllerPort,
      listeners: [{ name: 'CLIENT', protocol: 'PLAINTEXT', port, advertisedPort: port }]
    })))
    const clusterId = `demo${randomBytes(13).toString('base64url')}`.slice(0, 22)
    this.#child = this.#spawnJava('kafka.tools.StorageTool',
      ['format', '-t', clusterId, '-c', this.#propertiesPath])
    const [status] = await once(this.#child, 'exit') as [number | null]
    if (status !== 0) throw this.#failed('its folder could not be formatted')
  }

  #spawnJava (className: string, args: readonly string[]): ChildProcess {
    const { classPath, java } = this.#options.libs
    const output = openSync(this.#logPath, 'a')
    const [program = java, ...rest] = [...deathSignalWrapper(), java, ...javaFlags,
      '-Djava.net.preferIPv4Stack=true', '-cp', classPath, className, ...args]
    // A separate process group: Ctrl-C on the terminal must not reach the broker before the mirror
    // has drained.
    const child = spawn(program, rest, { stdio: ['ignore', output, output], detached: true })
    closeSync(output)
    child.on('error', () => {}) // hasExited() reports it
    return child
  }

  async #untilItAnswers (child: ChildProcess): Promise<void> {
    const { clock, name, stopped } = this.#options
    const deadline = clock.monotonic() + startMsMax
    const properties = { 'bootstrap.servers': this.address, 'log_level': '0' }
    for (;;) {
      if (hasExited(child)) throw this.#failed('it ended at its start')
      if (stopped.aborted) throw this.#failed('stopped while it started')
      if (clock.monotonic() > deadline) throw this.#failed('it does not answer')
      await clock.sleep(startPollMs)
      if (!await accepts(this.#port)) continue
      const admin = openClusterAdmin({ cluster: name, properties, timeoutMs: requestTimeoutMs })
      const answered = await admin.initProducerId().then(() => true, () => false)
      await admin.close()
      if (answered) return
    }
  }

  #failed (what: string): Error {
    const tail = readFileSync(this.#logPath, 'utf8').trimEnd().split('\n').slice(-10).join('\n')
    return new Error(`broker ${this.#options.name}: ${what}\n${tail}`)
  }

  #destroy (): void {
    if (this.#child !== undefined && !hasExited(this.#child)) this.#child.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/**
 * The port of a voter must be known before its server starts, which binds the port seconds later.
 * By then another process may use a port of the range for outgoing connections (from 32768 on), so
 * ports below are chosen. All servers listen until all ports are found.
 */
async function freePorts (count: number): Promise<number[]> {
  const servers: Server[] = []
  for (let attempt = 0; servers.length < count; attempt++) {
    const server = createServer().listen(randomInt(firstPort, endPort), '127.0.0.1')
    try {
      await once(server, 'listening')
      servers.push(server)
    } catch (error) {
      if (attempt === portAttemptsMax) throw error
    }
  }
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(async server => {
    await new Promise(resolve => { server.close(resolve) })
  }))
  return ports
}

async function accepts (port: number): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => { socket.destroy(); resolve(true) })
    socket.once('error', () => { resolve(false) })
  })
}
