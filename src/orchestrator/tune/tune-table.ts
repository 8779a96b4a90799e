// What `tune` varies, and its own options, as tables.
import { optionFlags, parseOptions, type OptionValues } from '../config/option-table.ts'
import type { FlowSettings } from '../config/config-table.ts'
import { bytes, integer, seconds, type Row } from '../config/setting-kinds.ts'

export const tuneTable = {
  maxBytes: bytes({
    doc: 'Bytes that are written once to the source, and mirrored by each step, at most.',
    importance: 'high', default: 256_000_000, min: 1_000_000, max: 1e12, flag: '--max-bytes <size>'
  }),
  maxSeconds: seconds({
    doc: 'How long the steps last, all together; starting their mirrors comes on top.',
    importance: 'high', default: 300, min: 10, max: 3600, flag: '--max-seconds <time>'
  }),
  partitions: integer({
    doc: 'Partitions of the topic that is measured.',
    importance: 'medium', default: 4, min: 1, max: 1_000, flag: '--partitions <count>'
  })
} as const satisfies Record<string, Row<unknown>>

export type TuneSettings = OptionValues<typeof tuneTable>

export const tuneFlags = optionFlags(tuneTable)

export const parseTuneSettings = (options: Readonly<Record<string, unknown>>) =>
  parseOptions(tuneTable, options)

const KiB = 1024
const MiB = 1024 * KiB

export type TunedSetting = Extract<keyof FlowSettings, 'connections.per.broker.max' |
  'fetch.max.bytes' | 'max.partition.fetch.bytes' | 'batching' | 'linger.ms' | 'batch.size'>

export type Choice = Readonly<Partial<Record<TunedSetting, number | string>>>

export interface Dimension {
  readonly setting: TunedSetting
  /** From the cheapest to the most expensive one: memory, connections or latency. */
  readonly values: ReadonlyArray<number | string>
  /** Why a larger value may be faster. */
  readonly gain: string
  /** What a larger value costs. */
  readonly price: string
  /** Why another value would change nothing; undefined: the values are measured. */
  readonly whyNot?: (choice: Choice) => string | undefined
  /** Whether the value has an effect of its own. */
  readonly counts?: (value: number, choice: Choice) => boolean
}

/** In the order in which they are varied: each begins with the best of the earlier ones. */
export const dimensions: readonly Dimension[] = [
  {
    setting: 'connections.per.broker.max',
    values: [1, 4, 16, 32],
    gain: 'the buffers of a connection bound what it passes in a round trip',
    price: 'each connection is one more for the broker'
  },
  {
    setting: 'fetch.max.bytes',
    // A Fetch asks for a quarter of what its lane may hold at most.
    values: [1 * MiB, 6 * MiB],
    gain: 'a larger answer keeps the line busy for longer between two requests',
    price: 'answers wait in memory'
  },
  {
    setting: 'max.partition.fetch.bytes',
    values: [1 * MiB, 4 * MiB],
    gain: 'one partition fills more of an answer',
    price: 'answers wait in memory',
    counts: (value, choice) => value <= numberOf(choice, 'fetch.max.bytes')
  },
  {
    setting: 'batching',
    values: ['pass-through', 'rebatch'],
    gain: 'the target appends fewer batches, which are larger',
    price: 'merging needs processor time of the mirror'
  },
  {
    setting: 'linger.ms',
    values: [0, 5, 20],
    gain: 'Produce requests to the target carry more batches',
    price: 'each record may wait that long'
  },
  {
    setting: 'batch.size',
    values: [128 * KiB, MiB],
    gain: 'Produce requests to the target carry more batches',
    price: 'batches wait for each other, if linger.ms is above 0',
    whyNot: choice =>
      choice['batching'] === 'pass-through' && choice['linger.ms'] === 0
        ? 'batch.size has no effect while linger.ms is 0 and batches pass through'
        : undefined
  }
]

function numberOf (choice: Choice, setting: TunedSetting): number {
  return Number(choice[setting] ?? 0)
}
