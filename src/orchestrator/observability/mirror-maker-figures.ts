// The figures of partitions and checkpoints that MirrorMaker 2 would show by JMX, computed from
// Longhaul's counters: figures of the last minute, which need a memory between scrapes. Only with
// metrics.mirror.maker.names=true: each partition has a dozen series.
import type { FlowTotals } from './flow-ledger.ts'
import { SampledFigure } from './sampled-figure.ts'
import type { SeriesText } from './series-text.ts'
import type { CheckpointSnapshot, PartitionSnapshot } from './snapshot.ts'

interface PartitionFigures {
  readonly latency: SampledFigure
  readonly bytes: SampledFigure
  recordCount: number
  byteCount: number
  /** At the last observation: counters restart at 0 when another lane is assigned the partition. */
  snapshot: PartitionSnapshot | undefined
}

interface CheckpointFigures {
  readonly latency: SampledFigure
  snapshot: CheckpointSnapshot | undefined
}

export class MirrorMakerFigures {
  #partitions = new Map<string, PartitionFigures>()
  #checkpoints = new Map<string, CheckpointFigures>()

  /** Call it at least once a second: minimum and maximum are those of the times between calls. */
  observe (flows: readonly FlowTotals[], nowMs: number): void {
    const partitions = new Map<string, PartitionFigures>()
    const checkpoints = new Map<string, CheckpointFigures>()
    for (const flow of flows) {
      for (const snapshot of partitionsOf(flow)) {
        const key = partitionKey(flow, snapshot)
        const figures = this.#partitions.get(key) ?? newFigures(nowMs)
        partitions.set(key, figures)
        addPartition(figures, snapshot, nowMs)
      }
      for (const [name, snapshot] of flow.checkpoints) {
        const key = checkpointKey(flow, name)
        const figures = this.#checkpoints.get(key) ??
          { latency: new SampledFigure(nowMs), snapshot: undefined }
        checkpoints.set(key, figures)
        addCheckpoint(figures, snapshot, nowMs)
      }
    }
    this.#partitions = partitions
    this.#checkpoints = checkpoints
  }

  write (text: SeriesText, flows: readonly FlowTotals[], nowMs: number): void {
    for (const flow of flows) {
      for (const snapshot of partitionsOf(flow)) {
        const figures = this.#partitions.get(partitionKey(flow, snapshot))
        if (figures !== undefined) writePartition(text, flow, snapshot, figures, nowMs)
      }
      for (const [name, snapshot] of flow.checkpoints) {
        const figures = this.#checkpoints.get(checkpointKey(flow, name))
        if (figures !== undefined) writeCheckpoint(text, flow, snapshot, figures, nowMs)
      }
    }
    text.gauge('kafka_connect_worker_connector_count', {}, flows.length)
    text.gauge('kafka_connect_worker_task_count', {},
      flows.reduce((sum, { lanes }) => sum + lanes.length, 0))
  }
}

function partitionsOf ({ topics }: FlowTotals): readonly PartitionSnapshot[] {
  return topics.flatMap(({ partitions }) => partitions)
}

function newFigures (nowMs: number): PartitionFigures {
  return {
    latency: new SampledFigure(nowMs),
    bytes: new SampledFigure(nowMs),
    recordCount: 0,
    byteCount: 0,
    snapshot: undefined
  }
}

function partitionKey (
  { source, target }: FlowTotals, { partition, remoteTopic }: PartitionSnapshot
): string {
  return JSON.stringify([source, target, remoteTopic, partition])
}

function checkpointKey ({ source, target }: FlowTotals, name: string): string {
  return JSON.stringify([source, target, name])
}

function addCheckpoint (
  figures: CheckpointFigures, snapshot: CheckpointSnapshot, nowMs: number
): void {
  const before = figures.snapshot
  if (snapshot === before) return
  figures.snapshot = snapshot
  const earlier = before === undefined || before.written > snapshot.written ? undefined : before
  figures.latency.add(nowMs, snapshot.written - (earlier?.written ?? 0),
    snapshot.latencySumMs - (earlier?.latencySumMs ?? 0))
}

function addPartition (
  figures: PartitionFigures, snapshot: PartitionSnapshot, nowMs: number
): void {
  const before = figures.snapshot
  if (snapshot === before) return
  figures.snapshot = snapshot
  const hasRestarted = before === undefined || before.records > snapshot.records
  const grown = (name: 'records' | 'bytes' | 'latencySumMs'): number =>
    Number(snapshot[name]) - (hasRestarted ? 0 : Number(before[name]))
  const [records, bytes] = [grown('records'), grown('bytes')]
  figures.recordCount += records
  figures.byteCount += bytes
  figures.latency.add(nowMs, records, grown('latencySumMs'))
  figures.bytes.add(nowMs, bytes)
}

function writePartition (
  text: SeriesText, { source, target }: FlowTotals, snapshot: PartitionSnapshot,
  { byteCount, bytes, latency, recordCount }: PartitionFigures, nowMs: number
): void {
  const { lagRecords, partition, remoteTopic, topic } = snapshot
  const labels = { source, target, topic: remoteTopic, partition }
  const name = 'kafka_connect_mirror_mirrorsourceconnector'
  text.gauge(`${name}_record_count`, labels, recordCount)
  text.gauge(`${name}_record_rate`, labels, latency.rate(nowMs))
  text.gauge(`${name}_byte_count`, labels, byteCount)
  text.gauge(`${name}_byte_rate`, labels, bytes.rate(nowMs))
  const statistics = latency.statistics(nowMs)
  for (const figure of ['record_age_ms', 'replication_latency_ms'] as const) {
    text.gauge(`${name}_${figure}`, labels, statistics?.last)
    text.gauge(`${name}_${figure}_min`, labels, statistics?.min)
    text.gauge(`${name}_${figure}_max`, labels, statistics?.max)
    text.gauge(`${name}_${figure}_avg`, labels, statistics?.avg)
  }
  text.gauge('kafka_consumer_fetch_manager_records_lag',
    { clientid: consumerId(source, target), topic, partition }, lagRecords)
}

function writeCheckpoint (
  text: SeriesText, { source, target }: FlowTotals, snapshot: CheckpointSnapshot,
  { latency }: CheckpointFigures, nowMs: number
): void {
  const { group, partition, topic } = snapshot
  const labels = { source, target, group, topic, partition }
  const statistics = latency.statistics(nowMs)
  const name = 'kafka_connect_mirror_mirrorcheckpointconnector_checkpoint_latency_ms'
  text.gauge(name, labels, statistics?.last)
  text.gauge(`${name}_min`, labels, statistics?.min)
  text.gauge(`${name}_max`, labels, statistics?.max)
  text.gauge(`${name}_avg`, labels, statistics?.avg)
}

/** MirrorMaker 2's name of its first task's consumer; JMX quotes a name that contains a >. */
function consumerId (source: string, target: string): string {
  return `"${source}->${target}|MirrorSourceConnector-0|replication-consumer"`
}
