// The lanes of one flow: piscina worker threads, each running one long task (dataplane/lane.ts)
// that holds a Forwarder. Starts lanes, sends them commands, starts one again that has ended. Tasks
// end by message, never by abort: an abort would tear a thread down with native threads inside.
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type {
  ForwarderConfig, InboundProducer, NativeEvents, NativeStats, PartitionAssignment, ProducersAnswer,
  Side
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
  /** What brokers know the clients of lanes by, with the lane's number, if the file has none. */
  readonly clientId: string
  /** The module whose runLane() a lane runs: the data plane's, unless a test has another. */
  readonly program?: URL
  readonly clock: Clock
  readonly onEvents: (lane: number, events: NativeEvents) => void
  /** What is known of inbound flows, for a lane that begins. */
  readonly inbound?: () => readonly InboundProducer[]
  /** The lane ended by itself, with all that it held. It is being started again. */
  readonly onEnded: (lane: number, error: ReplicatorError) => void
  /** The lane that had ended runs again and holds nothing. */
  readonly onStarted: (lane: number) => void
  /** LANE_OVERLOADED: the lane has not answered for `answerMsMax`. */
  readonly onOverloaded: (error: ReplicatorError) => void
  /** The token with which the lanes log in there could not be refreshed, and is still valid. */
  readonly onRefreshFailed?: (side: Side, error: ReplicatorError) => void
}

interface Lane {
  state: LaneState
  incarnation: number
  port: MessagePort | undefined
  done: Promise<void>
  /** Of the one question that is out at a time. */
  answer: ((stats: NativeStats | undefined) => void) | undefined
}

// How many assignments one message carries: keeps a lane responsive while thousands arrive.
const assignmentsPerMessage = 500
const restartBackoff = { initialMs: 10, maxMs: 10_000 }
/** A lane's JavaScript passes a few messages in 50 ms; even on a starved machine this is plenty. */
const answerMsMax = 5_000
/** Beyond it the threads of a lane are left to the end of the process. */
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
      // A lane's JavaScript only passes messages; its own heap can stay small.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 },
      // A worker that waits in Atomics.wait would run no timers and read no events.
      atomics: 'disabled'
    })
    this.#lanes = Array.from({ length: options.lanes }, () => ({
      state: 'starting', incarnation: 0, port: undefined, done: Promise.resolve(), answer: undefined
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

  /** Answers a question of that incarnation; of an earlier one the question was another. */
  knowProducers (lane: number, incarnation: number, answer: ProducersAnswer): void {
    if (this.#lane(lane).incarnation !== incarnation) return
    this.#send(lane, { kind: 'producers', answer })
  }

  /** What is known of inbound flows has changed, and answers no question. */
  tellInbound (): void {
    for (const lane of this.#lanes.keys()) this.#sendInbound(lane)
  }

  /**
   * Undefined for a lane that does not run or does not answer: what it would have said is lost, so
   * the next question must be for all partitions (`isWhole`).
   */
  async stats (lane: number, isWhole: boolean): Promise<NativeStats | undefined> {
    const asked = this.#lane(lane)
    if (asked.port === undefined) return undefined
    // One question at a time: a lane that is too slow for one would only be slower with a heap.
    if (asked.answer !== undefined) return this.#overloaded(lane)
    const answered = new Promise<NativeStats | undefined>(resolve => { asked.answer = resolve })
    this.#send(lane, { kind: 'stats', isWhole })
    return await this.#within(answerMsMax, answered, () => this.#overloaded(lane))
  }

  /** Closes every lane, whatever is in flight. Idempotent. */
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
    // Aborted when the work was in time: nobody looks at the timer then.
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

  /** A lane that is restarted begins with the newest tokens. */
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

  /** Before its first assignment: what is known needs no question. */
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

  /** Again and again, with growing waits: without its lane a partition would be stalled. */
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
