// Carries out planned faults: begins each fault, waits, and ends it. Faults of one process or one
// cluster wait for each other, because a broker may need longer to restart than was planned.
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import { coordinatorOf } from '../../test/kafka/consumer-group.ts'
import { moveLeader } from '../../test/kafka/partition-operations.ts'
import type { TcpProxy } from '../../test/kafka/proxy.ts'
import { remoteTopic } from './chaos-contender.ts'
import type { ExcuseBook } from './excuse-book.ts'
import { foundWithinSeconds } from './fault-table.ts'
import type { LivenessWatch } from './liveness-watch.ts'
import type { MirrorMember } from './mirror-member.ts'
import { loadedTopics, recreatedTopic, type NumberedLoad } from './numbered-load.ts'
import { lockOf, type ClusterSide, type PlannedFault } from './schedule.ts'
import { recreateTopic } from './topic-recreation.ts'

export interface FaultTargets {
  readonly source: KafkaCluster
  readonly target: KafkaCluster
  readonly members: readonly MirrorMember[]
  readonly load: NumberedLoad
  readonly watch: LivenessWatch
  readonly excuses: ExcuseBook
  /** The flow's consumer group on the target. */
  readonly group: string | undefined
  readonly topicConfigs: Readonly<Record<string, string>>
  /** Called when a fault begins, and when it ends, with the errors of the fault. */
  readonly say: (text: string) => void
}

// On a busy machine a broker needs seconds to start, and more to be in sync with the others.
const settleMs = 3_000
// A source broker hangs for up to 45 s, and several faults may follow each other.
const recreationPace = { retryMs: 2_000, attempts: 12 }
// Keepalive ends forgotten connections that nobody uses. Here it cannot: the kernel acknowledges
// its probes for the proxy. Such a connection would be found when a lane first uses it, minutes
// later, when a leader has moved to its broker. The mirror finds those that it uses before this.
const keepaliveMs = foundWithinSeconds * 1000
const slowLink = { latencyMs: 100, bytesPerSecond: 300_000 }

export class FaultRunner {
  readonly #targets: FaultTargets
  readonly #queues = new Map<string, Promise<void>>()
  readonly #failures: string[] = []

  constructor (targets: FaultTargets) {
    this.#targets = targets
  }

  /** Faults that could not be carried out or ended. */
  get failures (): readonly string[] { return this.#failures }

  /** Resolves when the last fault has ended. */
  async run (schedule: readonly PlannedFault[], durationMs: number): Promise<void> {
    const startedAt = performance.now()
    for (const planned of schedule) {
      await sleep(Math.max(0, planned.atMs - (performance.now() - startedAt)))
      this.#enqueue(planned)
    }
    await sleep(Math.max(0, durationMs - (performance.now() - startedAt)))
    await Promise.all(this.#queues.values())
  }

  /** Whatever happened, at the end: brokers run, links are open, every mirror process runs. */
  async restoreAll (): Promise<void> {
    const { source, target, members } = this.#targets
    for (const cluster of [source, target]) {
      cluster.link.set({})
      for (const proxy of cluster.proxies) await proxy.restore()
      for (const broker of cluster.brokers) {
        if (!broker.isRunning) await broker.start()
        broker.continue()
      }
    }
    for (const member of members) {
      if (member.isRunning) member.signal('SIGCONT')
      else member.start()
    }
  }

  #enqueue (planned: PlannedFault): void {
    const lock = lockOf(planned.subject)
    const before = this.#queues.get(lock) ?? Promise.resolve()
    const name = `${planned.fault} ${lock}`
    this.#queues.set(lock, before.then(async () => {
      this.#targets.say(`${name} begins`)
      try {
        await this.#carryOut(planned)
        this.#targets.say(`${name} is over`)
      } catch (thrown) {
        this.#failures.push(`${name}: ${(thrown as Error).message}`)
        this.#targets.say(`${name} failed: ${(thrown as Error).message}`)
      }
    }))
  }

  async #carryOut (planned: PlannedFault): Promise<void> {
    const { fault, subject, lastsMs } = planned
    const broker = await this.#brokerOf(planned)
    const isOver = await this.#targets.excuses.begin(planned, broker)
    try {
      switch (subject.kind) {
        case 'process': await this.#hitProcess(fault, subject.index, lastsMs); break
        case 'topic': await this.#recreateTopic(lastsMs); break
        case 'link': await this.#hitLink(fault, subject.side, subject.broker, lastsMs); break
        default: await this.#hitBroker(fault, subject.side, broker ?? 0, lastsMs)
      }
    } finally {
      isOver()
    }
    // The next fault of the cluster waits for this.
    if (subject.kind === 'broker' || subject.kind === 'coordinator') await sleep(settleMs)
  }

  async #brokerOf ({ subject }: PlannedFault): Promise<number | undefined> {
    if ('broker' in subject) return subject.broker
    if (subject.kind !== 'coordinator') return undefined
    const { group, target } = this.#targets
    return group === undefined ? target.anyBroker().id : (await coordinatorOf(target, group)).id
  }

  async #recreateTopic (lastsMs: number): Promise<void> {
    const { load, source, topicConfigs, watch } = this.#targets
    const { name, partitions } = recreatedTopic
    await load.whileRecreated(recreatedTopic, async () => {
      await recreateTopic({
        deleteTopic: async name => { await source.admin.deleteTopic(name) },
        createTopic: async name => {
          await source.createTopic(name, { partitions, configs: topicConfigs })
        },
        topicNames: async () => await source.admin.topicNames()
      }, name, { awayMs: lastsMs, ...recreationPace })
      await watch.recreated(name)
    })
  }

  async #hitProcess (
    fault: PlannedFault['fault'], index: number, lastsMs: number
  ): Promise<void> {
    const member = this.#targets.members[index - 1]
    if (member === undefined) throw new Error(`no process ${index}`)
    if (fault === 'process-kill') await member.kill()
    else if (fault === 'process-restart') await member.stop()
    else member.signal('SIGSTOP')
    await sleep(lastsMs)
    if (member.isRunning) member.signal('SIGCONT')
    else member.start()
  }

  async #hitBroker (
    fault: PlannedFault['fault'], side: ClusterSide, id: number, lastsMs: number
  ): Promise<void> {
    const cluster = this.#targets[side]
    const broker = cluster.broker(id)
    switch (fault) {
      case 'broker-kill':
        await broker.kill('SIGKILL')
        await sleep(lastsMs)
        await broker.start()
        break
      case 'broker-restart':
        await broker.restart()
        break
      case 'broker-pause':
      case 'broker-hang':
      case 'coordinator-hang':
        broker.pause()
        await sleep(lastsMs)
        broker.continue()
        break
      default: {
        const [topic] = loadedTopics
        const name = topic?.name ?? ''
        await moveLeader(cluster, side === 'source' ? name : remoteTopic(name), 0, id)
      }
    }
  }

  async #hitLink (
    fault: PlannedFault['fault'], side: ClusterSide, id: number, lastsMs: number
  ): Promise<void> {
    const cluster = this.#targets[side]
    const proxy = proxyOf(cluster, id)
    switch (fault) {
      case 'link-cut': await proxy.cut(); break
      case 'link-half-open': proxy.freeze(); break
      case 'link-forgotten': setTimeout(proxy.forget(), keepaliveMs).unref(); break
      case 'link-reset': proxy.reset(); break
      default: cluster.link.set(slowLink)
    }
    await sleep(lastsMs)
    cluster.link.set({})
    await proxy.restore()
  }
}

function proxyOf (cluster: KafkaCluster, id: number): TcpProxy {
  const proxy = cluster.proxies[id - 1]
  if (proxy === undefined) throw new Error(`no proxy of broker ${id}`)
  return proxy
}
