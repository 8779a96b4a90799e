// The lanes of one flow: piscina worker threads, each running one long task (dataplane/lane.ts)
// that holds a Forwarder. Starts lanes, sends them commands, restarts a lane that has ended. A task
// ends by message, never by abort: an abort would terminate a thread that has native threads.
import { isDeepStrictEqual } from 'node:util'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type {
  ForwarderConfig, InboundProducer, LaneBandwidth, NativeEvents, NativeStats, PartitionAssignment,
  ProducersAnswer, Side
} from '../../dataplane/index.ts'
import type { LaneCommand, LaneMessage, LaneTask, Tokens } from '../../dataplane/lane.ts'
import {
  holdToken, withoutTokenProperties, type TokenHold
} from '../cluster/token-source.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { LaneState } from '../observability/snapshot.ts'
import { systemRandom, type Clock } from '../time/clock.ts'
import { backoffDelayMs } from '../time/retry.ts'
import { limitHeapGrowth } from './heap-growth.ts'

export interface LanePoolOptions {
  readonly lanes: number
  readonly config: ForwarderConfig
  /** The prefix of the lanes' client ids, unless the configuration file sets a client id. */
  readonly clientId: string
  /** The module whose runLane() a lane runs: the data plane's, unless a test replaces it. */
  readonly program?: URL
  readonly clock: Clock
  readonly onEvents: (lane: number, events: NativeEvents) => void
  /** The known producers of inbound flows, for a lane that starts. */
  readonly inbound?: () => readonly InboundProducer[]
  /** The lane ended by itself, and its partitions are lost with it. It is being restarted. */
  readonly onEnded: (lane: number, error: ReplicatorError) => void
  /** A lane that had ended runs again and has no partitions. */
  readonly onStarted: (lane: number) => void
  /** LANE_OVERLOADED: the lane has not answered for `answerMsMax`. */
  readonly onOverloaded: (error: ReplicatorError) => void
  /** The token of the lanes' log-in to this cluster could not be refreshed, and is still valid. */
  readonly onRefreshFailed?: (side: Side, error: ReplicatorError) => void
}

interface Lane {
  state: LaneState
  incarnation: number
  port: MessagePort | undefined
  done: Promise<void>
  /** Also after a restart of the lane. */
  bandwidth: LaneBandwidth
  /** Resolves the one outstanding request. */
  answer: ((stats: NativeStats | undefined) => void) | undefined
}

const noLimit: LaneBandwidth = { bytesPerSecond: 0, topics: [] }
// How many assignments one message carries: keeps a lane responsive while thousands arrive.
const assignmentsPerMessage = 500
const restartBackoff = { initialMs: 10, maxMs: 10_000 }
/**
 * A lane's JavaScript handles a few messages in 50 ms; even a starved machine needs less than this.
 */
const answerMsMax = 5_000
/** After this time, the threads of a lane keep running until the process ends. */
const closeMsMax = 1_500

const dataPlaneLane = new URL('../../dataplane/lane.js', import.meta.url)

export class LanePool {
  readonly #options: LanePoolOptions
  readonly #piscina: Piscina
  readonly #lanes: Lane[]
  readonly #closing = new AbortController()
  readonly #holds: readonly TokenHold[]
  #tokens: Tokens = {}

  constructor (options: LanePoolOptions) {
    this.#options = options
    this.#piscina = new Piscina({
      filename: (options.program ?? dataPlaneLane).href,
      name: 'runLane',
      minThreads: options.lanes,
      maxThreads: options.lanes,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: 1,
      // A lane's JavaScript only passes messages, so a small heap is enough.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 },
      // A worker that waits in Atomics.wait would run no timers and receive no events.
      atomics: 'disabled'
    })
    this.#lanes = Array.from({ length: options.lanes }, () => ({
      state: 'starting',
      incarnation: 0,
      port: undefined,
      done: Promise.resolve(),
      bandwidth: noLimit,
      answer: undefined
    }))
    this.#holds = (['source', 'target'] as const).flatMap(side =>
      holdToken(options.config[side], token => { this.#onTokens({ [side]: token }) },
        error => { options.onRefreshFailed?.(side, error) }) ?? [])
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
      this.#send(lane, { kind: 'assign', assignments: part })
    }
  }

  revoke (lane: number, ids: readonly number[]): void {
    if (ids.length > 0) this.#send(lane, { kind: 'revoke', ids })
  }

  /** What the lane may fetch from now on. */
  limitBandwidth (index: number, bandwidth: LaneBandwidth): void {
    const lane = this.#lane(index)
    if (isDeepStrictEqual(lane.bandwidth, bandwidth)) return
    lane.bandwidth = bandwidth
    this.#send(index, { kind: 'bandwidth', ...bandwidth })
  }

  /** Answers a question of that incarnation; an earlier incarnation asked another question. */
  knowProducers (lane: number, incarnation: number, answer: ProducersAnswer): void {
    if (this.#lane(lane).incarnation !== incarnation) return
    this.#send(lane, { kind: 'producers', answer })
  }

  /** The known producers of inbound flows have changed, without a question of a lane. */
  tellInbound (): void {
    for (const lane of this.#lanes.keys()) this.#sendInbound(lane)
  }

  /**
   * Undefined for a lane that does not run or does not answer: its figures are lost, so the next
   * request must be for all partitions (`isWhole`).
   */
  async stats (lane: number, isWhole: boolean): Promise<NativeStats | undefined> {
    const asked = this.#lane(lane)
    if (asked.port === undefined) return undefined
    // One request at a time: a lane that is too slow for one request would be slower with several.
    if (asked.answer !== undefined) return this.#overloaded(lane)
    const answered = new Promise<NativeStats | undefined>(resolve => { asked.answer = resolve })
    this.#send(lane, { kind: 'stats', isWhole })
    return await this.#within(answerMsMax, answered, () => this.#overloaded(lane))
  }

  /** Closes every lane, even with batches in flight. Idempotent. */
  async close (): Promise<void> {
    this.#closing.abort()
    for (const hold of this.#holds) hold.release()
    for (const lane of this.#lanes.keys()) this.#send(lane, { kind: 'close' })
    const ended = Promise.all(this.#lanes.map(async lane => { await lane.done }))
      .then(async () => { await this.#piscina.destroy() })
    await this.#within(closeMsMax, ended, () => {
      for (const [index, { port }] of this.#lanes.entries()) {
        if (port !== undefined) this.#overloaded(index)
      }
    })
  }

  #overloaded (lane: number): undefined {
    const seconds = answerMsMax / 1000
    this.#options.onOverloaded(new ReplicatorError('LANE_OVERLOADED',
      `lane ${lane} has not answered a message within ${seconds} s`))
    return undefined
  }

  async #within<T> (ms: number, work: Promise<T>, late: () => T): Promise<T> {
    const inTime = new AbortController()
    const timer = this.#options.clock.sleep(ms, inTime.signal).then(late)
    // The timer was aborted because the work ended in time: nothing reads the result.
    timer.catch(() => {})
    try {
      return await Promise.race([work, timer])
    } finally {
      inTime.abort()
    }
  }

  #lane (lane: number): Lane {
    const found = this.#lanes[lane]
    if (found === undefined) throw new RangeError(`no lane ${lane}`)
    return found
  }

  /** A lane that is restarted starts with the newest tokens. */
  #onTokens (tokens: Tokens): void {
    this.#tokens = { ...this.#tokens, ...tokens }
    for (const lane of this.#lanes.keys()) this.#send(lane, { kind: 'tokens', tokens })
  }

  #send (lane: number, command: LaneCommand): void {
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
        if (lane.port !== port1) return // of a lane that has ended
        if (message.kind === 'opened') {
          limitHeapGrowth()
          lane.state = 'running'
          this.#sendInbound(index)
          const { bandwidth } = lane
          if (bandwidth !== noLimit) this.#send(index, { kind: 'bandwidth', ...bandwidth })
          resolve()
        } else {
          this.#onMessage(index, message)
        }
      })
      const config = this.#configOf(index)
      const task: LaneTask = { config, tokens: this.#tokens, port: port2 }
      lane.done = this.#piscina.run(task, { transferList: [port2] })
        .then(() => undefined, (thrown: unknown) => thrown)
        .then(failure => {
          this.#ended(index, failure)
          reject(laneError(index, failure))
        })
    })
    await opened
  }

  /** Before the first assignment: a lane need not ask for a producer that it already knows. */
  #sendInbound (lane: number): void {
    const inbound = this.#options.inbound?.() ?? []
    if (inbound.length === 0) return
    this.#send(lane, { kind: 'producers', answer: { question: 0n, inbound } })
  }

  #configOf (lane: number): ForwarderConfig {
    const { clientId, config } = this.#options
    const named = { 'client.id': `${clientId}-lane-${lane}` }
    return {
      ...config,
      source: { ...named, ...withoutTokenProperties(config.source) },
      target: { ...named, ...withoutTokenProperties(config.target) }
    }
  }

  #onMessage (index: number, message: LaneMessage): void {
    switch (message.kind) {
      case 'opened': return
      case 'events': this.#options.onEvents(index, message.events); return
      case 'stats': this.#answer(index, message.stats); return
      case 'refused':
        throw new ReplicatorError('INTERNAL',
          `lane ${index} refused ${message.command}: ${message.detail}`)
    }
  }

  #answer (index: number, stats: NativeStats | undefined): void {
    const lane = this.#lane(index)
    lane.answer?.(stats)
    lane.answer = undefined
  }

  #ended (index: number, failure: unknown): void {
    const lane = this.#lane(index)
    const started = lane.state !== 'starting'
    lane.port?.close()
    lane.port = undefined
    this.#answer(index, undefined)
    const closing = this.#closing.signal.aborted
    lane.state = closing ? 'stopped' : 'failed'
    if (!started || closing) return
    this.#options.onEnded(index, laneError(index, failure))
    void this.#restartLane(index)
  }

  /** Retries with growing waits: without their lane, partitions would be stalled. */
  async #restartLane (index: number): Promise<void> {
    const { clock, onStarted } = this.#options
    for (let failures = this.#lane(index).incarnation; ; failures++) {
      const waitMs = backoffDelayMs(restartBackoff, failures, systemRandom)
      await clock.sleep(waitMs, this.#closing.signal).catch(() => {})
      if (this.#closing.signal.aborted) return
      try {
        await this.#startLane(index)
      } catch {
        continue // the lane's state is `failed` until a start succeeds
      }
      onStarted(index)
      return
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
