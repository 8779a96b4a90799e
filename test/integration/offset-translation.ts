// Checks that the offset map in the progress topic leads from each record of a topic to the same
// record of its remote topic, and back.
import assert from 'node:assert/strict'
import { translate, translateBack } from '../../src/orchestrator/offsets/offset-map.ts'
import { silentLog } from '../../src/orchestrator/observability/log.ts'
import { slotOf } from '../../src/orchestrator/progress/task-slots.ts'
import { offsetMapOf } from '../../src/orchestrator/progress/offset-map-record.ts'
import { ProgressStore } from '../../src/orchestrator/progress/progress-store.ts'
import { partitionKey, type Progress } from '../../src/orchestrator/progress/progress.ts'
import { systemClock } from '../../src/orchestrator/time/clock.ts'
import { readTopic, type ConsumedRecord } from '../kafka/kafka-consumer.ts'
import { remoteOf } from './comparison.ts'
import type { MirroredClusters } from './mirrored-clusters.ts'
import { patienceMs } from '../kafka/eventually.ts'

const defaultSlots = 32

/** For a topic whose records differ in value or timestamp. */
export async function assertTranslates (
  { source, target }: MirroredClusters, topic: string
): Promise<void> {
  const upstream = await readTopic(source.bootstrapServers, topic)
  const downstream = await readTopic(target.bootstrapServers, remoteOf(topic).remoteTopic)
  const placeOf = new Map(downstream.map(record => [nameOf(record), record]))
  const positions = new Map<number, Progress>()
  for (const partition of new Set(upstream.map(record => record.partition))) {
    positions.set(partition, await positionOf(target.bootstrapServers, topic, partition))
  }
  for (const record of upstream) {
    const { offset, partition } = record
    const there = placeOf.get(nameOf(record))
    const progress = positions.get(partition)
    assert.ok(there !== undefined && progress !== undefined)
    const map = offsetMapOf(progress)
    const where = `${topic}-${partition}, source offset ${offset}`
    assert.deepEqual(translate(map, BigInt(offset), progress),
      { kind: 'exact', offset: BigInt(there.offset), early: 0n }, where)
    assert.deepEqual(translateBack(map, BigInt(there.offset), progress),
      { kind: 'exact', offset: BigInt(offset), early: 0n }, where)
  }
}

function nameOf ({ timestamp, value }: Pick<ConsumedRecord, 'timestamp' | 'value'>): string {
  return `${timestamp} ${String(value)}`
}

export async function positionOf (
  servers: string, topic: string, partition: number
): Promise<Progress> {
  const store = new ProgressStore({
    topic: 'longhaul-progress.east.internal',
    client: { cluster: 'west', properties: { 'bootstrap.servers': servers } },
    group: 'reader-of-progress',
    timeoutMs: patienceMs,
    log: silentLog,
    clock: systemClock
  })
  try {
    const { partitions } = await store.read(slotOf(topic, partition, defaultSlots))
    const found = partitions.get(partitionKey({ topic, partition }))
    assert.ok(found !== undefined, `no position of ${topic}-${partition}`)
    return found.progress
  } finally {
    await store.close()
  }
}
