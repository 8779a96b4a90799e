// The topics of the demo: their names, partitions and codecs. Pure.

export const demoCodecs = ['lz4', 'none'] as const
export type DemoCodec = (typeof demoCodecs)[number]

export interface DemoTopic {
  readonly name: string
  /** The name on the target. */
  readonly remoteName: string
  readonly partitions: number
  readonly codec: DemoCodec
}

const names = ['orders', 'clicks', 'payments', 'stock'] as const
// With four topics, both codecs occur with one partition and with several.
const partitionCounts = [4, 2, 1] as const

/** Every second topic is compressed. `prefix` distinguishes runs on clusters that remain. */
export function demoTopics (
  count: number, prefix: string, remoteName: (topic: string) => string
): readonly DemoTopic[] {
  return Array.from({ length: count }, (_, i) => {
    const round = Math.floor(i / names.length)
    const name = `${prefix}${names[i % names.length] ?? ''}${round === 0 ? '' : `-${round + 1}`}`
    return {
      name,
      remoteName: remoteName(name),
      partitions: partitionCounts[i % partitionCounts.length] ?? 1,
      codec: demoCodecs[i % demoCodecs.length] ?? 'none'
    }
  })
}

/** A partition of a demo topic, and the number of records written to it: offsets 0 to count - 1. */
export interface WrittenPartition {
  readonly topic: DemoTopic
  readonly partition: number
  readonly count: number
}
