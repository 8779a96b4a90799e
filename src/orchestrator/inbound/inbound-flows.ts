// What a flow that keeps topic names must know about the flows that write into its source cluster:
// answers the lanes' questions about producers (core/known_producers.h), records which clusters'
// records the flow carries before the flow forwards them, and refuses a ring.
//
// The order that makes this correct: a lane asks after it has received a batch; the reading begins
// after the question; the inbound flow recorded its producer id before it sent the batch. So either
// the reading finds the id, or an application produced the batch.
import type { InboundProducer, ProducersAnswer } from '../../dataplane/index.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import { isLeftOut, carriedBy, ringIn, type Inbound } from '../policy/inbound-rule.ts'
import type { FlowProducer } from '../progress/progress-record.ts'
import { isIdempotent } from '../progress/progress.ts'
import { systemRandom, type Clock } from '../time/clock.ts'
import { backoffDelayMs } from '../time/retry.ts'
import type { InboundTopics } from './inbound-topics.ts'

export interface InboundFlowsOptions {
  /** `A->B`, and the aliases of both. */
  readonly name: string
  readonly source: InboundCluster
  readonly target: InboundCluster
  /** Resolves once the record says that the flow carries records of these clusters. */
  readonly keepCarried: (carried: readonly string[]) => Promise<void>
  readonly answer: (lane: LaneQuestion, answer: ProducersAnswer) => void
  /** `known` has changed; lanes that have not asked must receive it. */
  readonly onKnown: () => void
  /** A reading failed and is retried; partitions wait meanwhile. */
  readonly onError: (error: ReplicatorError) => void
  /** A ring was found: the flow must not continue. */
  readonly onRing: (error: ReplicatorError) => void
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface InboundCluster {
  readonly alias: string
  readonly clusterId: string
  readonly topics: Pick<InboundTopics, 'close' | 'read'>
}

/** A restarted lane has another incarnation, and numbers its questions from the start. */
export interface LaneQuestion {
  readonly lane: number
  readonly incarnation: number
}

const backoff = { initialMs: 100, maxMs: 5_000 }

export class InboundFlows {
  readonly #options: InboundFlowsOptions
  /** The newest question of each lane. */
  readonly #asked = new Map<number, LaneQuestion & { readonly question: bigint }>()
  #answering: Promise<void> | undefined
  #learning: Promise<void> = Promise.resolve()
  #known: readonly InboundProducer[] = []
  #carried = ''
  readonly #said = new Set<string>()

  constructor (options: InboundFlowsOptions) {
    this.#options = options
  }

  /** All known producers, for a lane that starts. */
  get known (): readonly InboundProducer[] { return this.#known }

  /** Reads the progress topics of both clusters; rejects with MIRROR_RING or INBOUND_UNREADABLE. */
  async learn (): Promise<void> {
    // A reading that is under way began before the question, so it cannot answer the question.
    const learning = this.#learning.then(async () => { await this.#learnOnce() })
    this.#learning = learning.catch(() => {})
    await learning
  }

  async #learnOnce (): Promise<void> {
    const { keepCarried, onKnown, signal, source, target } = this.#options
    const [inbound, writing] =
      await Promise.all([source.topics.read(signal), target.topics.read(signal)])
    const unknown = inbound.find(each => !isIdempotent(each))
    if (unknown !== undefined) throw this.#unrecognized(unknown)
    const flow = {
      source: source.clusterId,
      target: target.clusterId,
      inbound: inbound.filter(keepsNames).map(each => this.#inboundOf(each)),
      writers: new Set(writing.filter(keepsNames).flatMap(each => each.sourceClusterId ?? []))
    }
    const ring = ringIn(flow)
    if (ring !== undefined) throw this.#ring(ring)
    const carried = [...carriedBy(flow)].sort()
    if (carried.join() !== this.#carried) {
      await keepCarried(carried)
      this.#carried = carried.join()
    }
    // Records that came from the target are left out whatever their topic names: a flow that
    // renames topics may begin to keep names with the same producer id, and lanes ask no second
    // time.
    const known = inbound.map(each => ({
      producerId: each.producerId,
      isLeftOut: each.sourceClusterId === target.clusterId ||
        (keepsNames(each) && isLeftOut(this.#inboundOf(each), flow))
    }))
    const hasChanged = known.length !== this.#known.length ||
      known.some(({ isLeftOut }, i) => isLeftOut !== this.#known[i]?.isLeftOut)
    this.#known = known
    if (hasChanged) onKnown()
    for (const each of inbound) this.#say(each)
  }

  /** Never rejects. */
  ask (from: LaneQuestion, question: bigint): void {
    this.#asked.set(from.lane, { ...from, question })
    this.#answerSoon()
  }

  #answerSoon (): void {
    this.#answering ??= this.#answerAll().finally(() => {
      this.#answering = undefined
      // Questions that arrived after the last reading began.
      if (this.#asked.size > 0 && !this.#options.signal.aborted) this.#answerSoon()
    })
  }

  /** Idempotent. */
  async close (): Promise<void> {
    const { source, target } = this.#options
    await Promise.all([source.topics.close(), target.topics.close(), this.#answering])
  }

  async #answerAll (): Promise<void> {
    const { answer, clock, onError, onRing, signal } = this.#options
    for (let failures = 0; this.#asked.size > 0 && !signal.aborted;) {
      const asked = [...this.#asked.values()]
      try {
        await this.learn()
        failures = 0
      } catch (thrown) {
        if (signal.aborted) return
        const error = ReplicatorError.from(thrown)
        if (error.errorName === 'MIRROR_RING') {
          this.#asked.clear()
          onRing(error)
          return
        }
        onError(error)
        await clock.sleep(backoffDelayMs(backoff, ++failures, systemRandom), signal).catch(() => {})
        continue
      }
      for (const each of asked) {
        if (this.#asked.get(each.lane) === each) this.#asked.delete(each.lane)
        answer(each, { question: each.question, inbound: this.#known })
      }
    }
  }

  #inboundOf ({ carried, producerId, sourceClusterId }: FlowProducer): Inbound {
    if (sourceClusterId === undefined) {
      const { alias } = this.#options.source
      throw new ReplicatorError('INBOUND_UNREADABLE', `${alias}: a progress topic of an early ` +
        `version does not name the source of producer ${producerId}; start that flow once with ` +
        'this version, or delete its progress topic if the flow is gone')
    }
    return { source: sourceClusterId, carried: new Set([sourceClusterId, ...carried ?? []]) }
  }

  #unrecognized ({ sourceClusterId }: FlowProducer): ReplicatorError {
    const { name, source } = this.#options
    return new ReplicatorError('PRODUCER_ID_MISSING', `${name}: a flow from cluster ` +
      `${String(sourceClusterId)} writes to ${source.alias}, which has no idempotent producers`)
  }

  #ring ({ source: through }: Inbound): ReplicatorError {
    const { name, source, target } = this.#options
    return new ReplicatorError('MIRROR_RING', `${name}: what cluster ${through} sends to ` +
      `${source.alias} holds records of ${target.alias}, which the flow would bring back there`)
  }

  #say ({ producerId, sourceClusterId }: FlowProducer): void {
    const { log, name, source } = this.#options
    const known = this.#known.find(each => each.producerId === producerId)
    const verdict = known?.isLeftOut === true ? 'leaves out' : 'forwards'
    const text = `${name} ${verdict} what a flow from cluster ${String(sourceClusterId)} writes ` +
      `to ${source.alias}`
    if (this.#said.has(text)) return
    this.#said.add(text)
    log.info({ producer: String(producerId) }, text)
  }
}

/** A build that does not record it may have kept the names. */
function keepsNames ({ keepsNames: keeps }: FlowProducer): boolean {
  return keeps !== false
}
