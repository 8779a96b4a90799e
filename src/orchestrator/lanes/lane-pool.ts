// The lanes of one flow: piscina worker threads, each running one long task (dataplane/lane.ts)
// that holds a Forwarder. Starts them, talks to them, and starts a lost one again. Tasks are ended
// by message, never by abort: an abort would tear a thread down with native threads inside.
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type {
  ForwarderConfig, NativeEvents, NativeStats, PartitionAssignment
} from '../../dataplane/index.ts'
import type { LaneCommand, LaneMessage, LaneTask } from '../../dataplane/lane.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { systemClock, systemRandom } from '../time/clock.ts'
import { backoffDelayMs } from '../time/retry.ts'

export interface LanePoolOptions {
  readonly lanes: number
  readonly config: ForwarderConfig
  /** The module whose runLane() a lane runs: the data plane's, unless a test has another. */
  readonly program?: URL
  readonly onEvents: (lane: number, events: NativeEvents) => void
  /** The lane died and was started anew; its partitions must be assigned again. */
  readonly onLost: (lane: number, error: ReplicatorError) => void
}

export type LaneState = 'starting' | 'running' | 'draining' | 'stopped' | 'failed'

interface Lane {
  state: LaneState
  incarnation: number
  port: MessagePort | undefined
  done: Promise<void>
  waiting: Array<(stats: NativeStats | undefined) => void>
}

// How many assignments one message carries: keeps a lane responsive while thousands arrive.
const assignmentsPerMessage = 500
const restartBackoff = { initialMs: 10, maxMs: 10_000 }

const dataPlaneLane = new URL('../../dataplane/lane.js', import.meta.url)

export class LanePool {
  readonly #options: LanePoolOptions
  readonly #piscina: Piscina
  readonly #lanes: Lane[]
  readonly #closing = new AbortController()

  constructor (options: LanePoolOptions) {
    this.#options = options
    this.#piscina = new Piscina({
      filename: (options.program ?? dataPlaneLane).href,
      name: 'runLane',
      minThreads: options.lanes,
      maxThreads: options.lanes,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: 1,
      // A lane's JavaScript only passes messages; its own heap can stay small.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 },
      // A worker that waits in Atomics.wait would run no timers and take no events.
      atomics: 'disabled'
    })
    this.#lanes = Array.from({ length: options.lanes }, () => ({
      state: 'starting', incarnation: 0, port: undefined, done: Promise.resolve(), waiting: []
    }))
  }

  get size (): number { return this.#lanes.length }

  stateOf (lane: number): { readonly state: LaneState, readonly incarnation: number } {
    return this.#lane(lane)
  }

  /** Resolves when all lanes have opened their clients. */
  async start (): Promise<void> {
    await Promise.all(this.#lanes.map(async (_, lane) => { await this.#startLane(lane) }))
  }

  assign (lane: number, assignments: readonly PartitionAssignment[]): void {
    for (let from = 0; from < assignments.length; from += assignmentsPerMessage) {
      const part = assignments.slice(from, from + assignmentsPerMessage)
      this.#tell(lane, { kind: 'assign', assignments: part })
    }
  }

  revoke (lane: number, ids: readonly number[]): void {
    if (ids.length > 0) this.#tell(lane, { kind: 'revoke', ids })
  }

  pause (lane: number, ids: readonly number[]): void {
    if (ids.length > 0) this.#tell(lane, { kind: 'pause', ids })
  }

  /** Undefined for a lane that is not running. */
  async stats (lane: number): Promise<NativeStats | undefined> {
    const { port, waiting } = this.#lane(lane)
    if (port === undefined) return undefined
    return await new Promise(resolve => {
      waiting.push(resolve)
      this.#tell(lane, { kind: 'stats' })
    })
  }

  /** Closes every lane, whatever is in flight. Idempotent. */
  async close (): Promise<void> {
    this.#closing.abort()
    for (const lane of this.#lanes.keys()) this.#tell(lane, { kind: 'close' })
    await Promise.all(this.#lanes.map(async lane => { await lane.done }))
    await this.#piscina.destroy()
  }

  #lane (lane: number): Lane {
    const found = this.#lanes[lane]
    if (found === undefined) throw new RangeError(`no lane ${lane}`)
    return found
  }

  #tell (lane: number, command: LaneCommand): void {
    this.#lane(lane).port?.postMessage(command)
  }

  async #startLane (index: number): Promise<void> {
    const lane = this.#lane(index)
    const { port1, port2 } = new MessageChannel()
    lane.state = 'starting'
    lane.incarnation += 1
    lane.port = port1
    const opened = new Promise<void>((resolve, reject) => {
      port1.on('message', (message: LaneMessage) => {
        if (message.kind === 'opened') {
          lane.state = 'running'
          resolve()
        } else {
          this.#onMessage(index, message)
        }
      })
      const task: LaneTask = { config: this.#options.config, port: port2 }
      lane.done = this.#piscina.run(task, { transferList: [port2] })
        .then(() => undefined, (thrown: unknown) => thrown)
        .then(failure => {
          this.#ended(index, failure)
          reject(laneError(index, failure))
        })
    })
    await opened
  }

  #onMessage (index: number, message: LaneMessage): void {
    switch (message.kind) {
      case 'opened': return
      case 'events': this.#options.onEvents(index, message.events); return
      case 'stats': this.#lane(index).waiting.shift()?.(message.stats); return
      case 'refused':
        throw new ReplicatorError('INTERNAL',
          `lane ${index} refused ${message.command}: ${message.detail}`)
    }
  }

  #ended (index: number, failure: unknown): void {
    const lane = this.#lane(index)
    const started = lane.state !== 'starting'
    lane.port?.close()
    lane.port = undefined
    for (const resolve of lane.waiting.splice(0)) resolve(undefined)
    const closing = this.#closing.signal.aborted
    lane.state = closing ? 'stopped' : 'failed'
    if (started && !closing) void this.#restartLane(index, laneError(index, failure))
  }

  /** Again and again, with growing waits: without its lane a partition would stand still. */
  async #restartLane (index: number, error: ReplicatorError): Promise<void> {
    for (let failures = this.#lane(index).incarnation; ; failures++) {
      const waitMs = backoffDelayMs(restartBackoff, failures, systemRandom)
      await systemClock.sleep(waitMs, this.#closing.signal).catch(() => {})
      if (this.#closing.signal.aborted) return
      try {
        await this.#startLane(index)
        this.#options.onLost(index, error)
        return
      } catch {
        // The lane's state is `failed` until a start succeeds.
      }
    }
  }
}

function laneError (lane: number, failure: unknown): ReplicatorError {
  if (typeof failure === 'object' && failure !== null && 'code' in failure && 'detail' in failure &&
      typeof failure.code === 'number' && typeof failure.detail === 'string') {
    return ReplicatorError.fromNative({ code: failure.code, detail: failure.detail })
  }
  const detail = failure instanceof Error ? failure.message : 'it ended by itself'
  return new ReplicatorError('LANE_LOST', `lane ${lane}: ${detail}`, { cause: failure })
}
