// A forwarder between two mock clusters, for tests of the data plane's door.
import { forwarderSettings } from '../../src/dataplane/contract/contract-table.ts'
import {
  decodePartitions, openForwarder, openMockCluster, type Forwarder, type ForwarderConfig,
  type ForwarderSettings, type MockCluster, type NativeEvents, type PartitionAssignment,
  type PartitionCounters
} from '../../src/dataplane/index.ts'

export interface CleanUp {
  after (hook: () => Promise<void>): void
}

export interface ForwarderFixture {
  readonly forwarder: Forwarder
  readonly source: MockCluster
  readonly target: MockCluster
  /** All events so far. */
  readonly events: NativeEvents[]
  counters (): readonly PartitionCounters[]
}

export const topic = 'orders'
export const partitions = 2

export const defaultSettings: ForwarderSettings = Object.fromEntries(
  Object.entries(forwarderSettings).map(([name, row]) => [name, row.default])) as ForwarderSettings

export function forwarderConfig (source: string, target: string): ForwarderConfig {
  return {
    source: { 'bootstrap.servers': source },
    target: { 'bootstrap.servers': target },
    settings: defaultSettings,
    producerId: 4711n,
    producerEpoch: 0
  }
}

export function assignments (): PartitionAssignment[] {
  return Array.from({ length: partitions }, (_, partition) => ({
    id: partition,
    topic,
    remoteTopic: topic,
    partition,
    upstream: 0n,
    downstream: 0n,
    sequence: 0,
    leaderEpoch: -1
  }))
}

export function createForwarder (t: CleanUp): ForwarderFixture {
  const topics = [{ name: topic, partitions, replicationFactor: 1 }]
  const source = openMockCluster({ brokers: 2, topics })
  const target = openMockCluster({ brokers: 2, topics })
  const events: NativeEvents[] = []
  const config = forwarderConfig(source.bootstrapServers(), target.bootstrapServers())
  const forwarder = openForwarder(config, () => { events.push(forwarder.takeEvents()) })
  t.after(async () => {
    await forwarder.close()
    source.close()
    target.close()
  })
  const counters = (): readonly PartitionCounters[] => decodePartitions(forwarder.stats(true))
  return { forwarder, source, target, events, counters }
}
