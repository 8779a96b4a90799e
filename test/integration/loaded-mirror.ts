// A mirror of one topic under a steady load, which the action of a test must neither stop nor cost
// a record.
import assert from 'node:assert/strict'
import type { TopicSettings } from '../kafka/kafka-admin.ts'
import { untilRecords } from './comparison.ts'
import {
  createPropertiesFile, startMirror, type CleanUp, type MirrorProcess, type Properties
} from './mirror-process.ts'
import { flowProperties, type MirroredClusters } from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad, type LoadSettings } from './sequence-load.ts'

export interface LoadedMirrorSettings extends Omit<LoadSettings, 'loaded'> {
  readonly topic: string
  readonly sourceTopic?: TopicSettings
  /** Undefined: the mirror creates the remote topic. */
  readonly targetTopic?: TopicSettings
  readonly properties?: Properties
}

export interface LoadedMirror {
  readonly mirror: MirrorProcess
  readonly load: SequenceLoad
  readonly remoteTopic: string
  /** Resolves when the records written until now, and some more, are on the target. */
  more (): Promise<void>
  /** Ends load and mirror: every record must be on both sides once and in order. */
  finish (): Promise<void>
}

export async function startLoadedMirror (
  t: CleanUp, clusters: MirroredClusters, settings: LoadedMirrorSettings
): Promise<LoadedMirror> {
  const { source, target } = clusters
  const { partitions, properties, sourceTopic, targetTopic, topic } = settings
  const remoteTopic = `east.${topic}`
  await source.createTopic(topic, { ...sourceTopic, partitions })
  if (targetTopic !== undefined) {
    await target.createTopic(remoteTopic, { partitions, ...targetTopic })
  }
  const mirror = await startMirror(t, createPropertiesFile(t,
    flowProperties(clusters, { 'east->west.topics': topic, ...properties })))
  const load = await SequenceLoad.start(t, source, topic, settings)
  const more = async (): Promise<void> => {
    const wanted = load.written + 100
    await mirror.until('more of the load', () => load.written >= wanted)
    await untilRecords(mirror, target, remoteTopic, wanted * partitions)
  }
  const finish = async (): Promise<void> => {
    const written = await load.stop()
    await untilRecords(mirror, target, remoteTopic, written * partitions)
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    await assertEachOnceInOrder(source, topic, partitions, written)
    await assertEachOnceInOrder(target, remoteTopic, partitions, written)
  }
  return { mirror, load, remoteTopic, more, finish }
}
