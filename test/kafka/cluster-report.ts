// A cluster as text, for a failed test: its brokers, and the offsets of each partition from its
// leader.

import { offsetsOn, topicsOn, type TopicView } from './broker-view.ts'
import type { Broker } from './broker.ts'

const topicsMax = 40
const partitionsMax = 16

export async function describeCluster (
  { brokers, id }: { readonly brokers: readonly Broker[], readonly id: string }
): Promise<string> {
  const heading = `cluster ${id}: ${brokers.map(describeBroker).join(', ')}`
  const asked = brokers.find(({ isAnswering }) => isAnswering)
  if (asked === undefined) return heading
  const topics = (await topicsOn(asked)).filter(({ topic }) => !topic.startsWith('__'))
  const lines = await Promise.all(topics.slice(0, topicsMax).map(async topic =>
    `  ${topic.topic}: ${await describeOffsets(brokers, topic)}`))
  const more = topics.length - lines.length
  return [heading, ...lines.sort(), ...more > 0 ? [`  and ${more} topics more`] : []].join('\n')
}

function describeBroker (broker: Broker): string {
  const state = broker.isAnswering ? 'runs' : broker.isRunning ? 'is paused' : 'has ended'
  return `broker ${broker.id} at port ${broker.port} ${state}`
}

/** `0=10..25`: partition 0 has records from offset 10 up to, but not including, 25. */
async function describeOffsets (
  brokers: readonly Broker[], { partitions, topic }: TopicView
): Promise<string> {
  const shown = partitions.toSorted((a, b) => a.partition - b.partition).slice(0, partitionsMax)
  const ranges = await Promise.all(brokers.filter(({ isAnswering }) => isAnswering)
    .map(async broker => {
      const led = shown.filter(({ leader }) => leader === broker.id).map(each => each.partition)
      const [starts, ends] = await Promise.all((['start', 'end'] as const).map(async at =>
        led.length === 0 ? undefined : await offsetsOn(broker, topic, led, at)))
      return led.map(partition =>
        [partition, `${starts?.get(partition) ?? '?'}..${ends?.get(partition) ?? '?'}`] as const)
    }))
  const known = new Map(ranges.flat())
  const texts = shown.map(({ leader, partition }) =>
    `${partition}=${known.get(partition) ?? `no answer of leader ${leader}`}`)
  return texts.join(' ') + (partitions.length > shown.length ? ' ...' : '')
}
