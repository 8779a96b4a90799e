// The settings of a bench itself, as one table. Settings of its mirror have their usual flags.
import { optionFlags, parseOptions, type OptionValues } from '../config/option-table.ts'
import {
  bytes, choice, integer, milliseconds, row, seconds, parseBytes, type Row, type RowText
} from '../config/setting-kinds.ts'
import { benchCodecs, findZstd } from './batch-template.ts'

/** As fast as the source accepts records; or so many records, or bytes of values, a second. */
export type Rate =
  | { readonly kind: 'unlimited' }
  | { readonly kind: 'records' | 'bytes', readonly perSecond: number }

const rateMax = 1e11

function rate (spec: RowText<Rate>): Row<Rate> {
  return row<Rate>(spec, {
    range: 'max, records/s (20000) or bytes/s (40MB/s)',
    parse: parseRate,
    show: showRate
  })
}

function parseRate (written: string): Rate | undefined {
  if (written.toLowerCase() === 'max') return { kind: 'unlimited' }
  const perSecond = /^\d+(\.\d+)?$/.test(written)
    ? Number(written)
    : parseBytes(written.replace(/\/s$/, ''))
  if (perSecond === undefined || perSecond <= 0 || perSecond > rateMax) return undefined
  return { kind: /^[\d.]+$/.test(written) ? 'records' : 'bytes', perSecond }
}

function showRate (value: Rate): string {
  if (value.kind === 'unlimited') return 'max'
  return `${value.perSecond}${value.kind === 'bytes' ? 'B/s' : ''}`
}

export const benchTable = {
  partitions: integer({
    doc: 'Partitions of the topic.',
    importance: 'high', default: 4, min: 1, max: 10_000, flag: '--partitions <count>'
  }),
  recordSize: bytes({
    doc: 'Bytes of a record\'s value.',
    importance: 'high', default: 1_000, min: 1, max: 1024 * 1024, flag: '--record-size <size>'
  }),
  batchSize: bytes({
    doc: 'Bytes of a record batch before compression, at most; a batch has one record at least. ' +
      'The mirror\'s batch.size is -X batch.size=SIZE.',
    importance: 'high', default: 128 * 1024, min: 64, max: 16 * 1024 * 1024,
    flag: '--batch-size <size>'
  }),
  batchLinger: milliseconds({
    doc: 'With --rate: how long a batch waits for its last record, at most. The mirror\'s ' +
      'linger.ms is --linger-ms.',
    importance: 'medium', default: 5, min: 0, max: 60_000, flag: '--batch-linger <time>'
  }),
  compression: choice({
    doc: 'The codec of the batches. zstd needs Node 22.15 or later.',
    importance: 'high', default: 'none', of: benchCodecs, flag: '--compression <codec>'
  }),
  randomBytes: integer({
    doc: 'Percent of each value that is random; the rest compresses to nearly nothing.',
    importance: 'medium', default: 50, min: 0, max: 100, flag: '--random-bytes <percent>'
  }),
  records: integer({
    doc: 'How many records are measured, rounded up to whole batches.',
    importance: 'high', default: 1_000_000, min: 1, max: 1e12, flag: '--records <count>'
  }),
  duration: seconds({
    doc: 'How long records are written; 0: until --records are written.',
    importance: 'high', default: 0, min: 0, max: 7 * 86_400, flag: '--duration <time>'
  }),
  warmUp: seconds({
    doc: 'How long the same load runs before anything is counted.',
    importance: 'medium', default: 2, min: 0, max: 3600, flag: '--warm-up <time>'
  }),
  rate: rate({
    doc: 'Records, or bytes of values, that are created a second, also if the source is slow.',
    importance: 'high', default: { kind: 'unlimited' }, flag: '--rate <rate>'
  }),
  producers: integer({
    doc: 'Connections to each source broker over which records are written.',
    importance: 'medium', default: 1, min: 1, max: 64, flag: '--producers <count>'
  }),
  seed: integer({
    doc: 'The same seed makes the same batches.',
    importance: 'low', default: 1, min: 0, max: 2 ** 31 - 1, flag: '--seed <number>'
  })
} as const satisfies Record<string, Row<unknown>>

export type BenchSettings = OptionValues<typeof benchTable>

export const benchFlags = optionFlags(benchTable)

export type ParsedBenchSettings =
  | { readonly ok: true, readonly settings: BenchSettings }
  | { readonly ok: false, readonly problems: readonly string[] }

export function parseBenchSettings (
  options: Readonly<Record<string, unknown>>
): ParsedBenchSettings {
  const parsed = parseOptions(benchTable, options)
  if (!parsed.ok) return parsed
  if (parsed.values.compression === 'zstd' && findZstd() === undefined) {
    const problem = `--compression: zstd needs Node 22.15 or later, and this is ${process.version}`
    return { ok: false, problems: [problem] }
  }
  return { ok: true, settings: parsed.values }
}

/** Records a second; undefined: as fast as the source accepts them. */
export function recordsPerSecond ({ rate, recordSize }: BenchSettings): number | undefined {
  switch (rate.kind) {
    case 'unlimited': return undefined
    case 'records': return rate.perSecond
    case 'bytes': return rate.perSecond / recordSize
  }
}
