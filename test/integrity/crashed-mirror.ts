// A mirror that is killed while recorded progress is far behind the records on the target: the
// state that the invariants concern.
import { untilRecords } from '../integration/comparison.ts'
import {
  createPropertiesFile, startMirror, type CleanUp, type MirrorProcess, type Properties
} from '../integration/mirror-process.ts'
import { flowProperties, type MirroredClusters } from '../integration/mirrored-clusters.ts'
import { evictMembers } from '../kafka/consumer-group.ts'
import type { TcpProxy } from '../kafka/proxy.ts'
import { dataBatches, readRawLog, type RawBatch } from '../kafka/raw-log.ts'
import { lanesProduce } from '../kafka/request-heads.ts'

/** A mirror of one topic that writes progress only at its start and at its end. */
export async function startLaggingMirror (
  t: CleanUp, clusters: MirroredClusters, topic: string, more: Properties = {}
): Promise<MirrorProcess> {
  return await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
    'east->west.topics': topic, 'progress.interval.ms': 600_000, ...more
  })))
}

/** Mirrors until the target has `count` records, then dies. */
export async function mirrorAndCrash (
  t: CleanUp, clusters: MirroredClusters, topic: string, count: number
): Promise<void> {
  const mirror = await startLaggingMirror(t, clusters, topic)
  await untilRecords(mirror, clusters.target, `east.${topic}`, count)
  await crash(clusters, mirror)
}

/**
 * Dies when the target has answered this many Produce requests of the topic, while the next one is
 * delayed: the proxy may release it, or lose it by a reset.
 */
export async function crashWithLateRequest (
  t: CleanUp, clusters: MirroredClusters, topic: string, answered: number, more: Properties = {}
): Promise<TcpProxy> {
  const { target } = clusters
  const [proxy] = target.proxies
  if (proxy === undefined) throw new Error('the target has no proxy')
  proxy.hold(lanesProduce(answered + 1))
  const mirror = await startLaggingMirror(t, clusters, topic,
    { 'west.bootstrap.servers': target.proxiedBootstrapServers, ...more })
  await mirror.until('a late request', () => proxy.heldCount === 1)
  await crash(clusters, mirror)
  return proxy
}

/** SIGKILL; the next process need not wait for the end of this one's session. */
export async function crash ({ target }: MirroredClusters, mirror: MirrorProcess): Promise<void> {
  await mirror.kill()
  await evictMembers(target, 'longhaul.east->west')
}

/** The batches of the topic on the target. */
export function batchesOnTarget (
  { target }: MirroredClusters, topic: string, partition = 0
): RawBatch[] {
  return dataBatches(readRawLog(target.broker(1).logDir, `east.${topic}`, partition))
}

/** A counter of a topic in the metrics; undefined before the first figures. */
export async function topicCounter (
  mirror: MirrorProcess, name: string, topic: string
): Promise<number | undefined> {
  const { series } = await mirror.metrics()
  return series.get(`longhaul_${name}{source="east",target="west",topic="${topic}"}`)
}
