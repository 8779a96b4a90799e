// Reads the JSON of `longhaul offsets export`. Pure. Refuses invalid content with its place in the
// file: a wrong position would lose records.
import { ReplicatorError } from '../errors/replicator-error.ts'
import { fieldsOf } from '../mirror-maker/parsed-value.ts'
import type { OffsetMap, OffsetPair, OffsetSpan } from '../offsets/offset-map.ts'
import type { TopicIds, TopicPartition } from '../progress/progress.ts'

export interface ExportedFlow {
  readonly name: string
  readonly partitions: readonly ExportedPosition[]
}

export interface ExportedPosition extends TopicPartition, OffsetPair {
  readonly topicIds: TopicIds
  readonly map: OffsetMap
}

/** Throws if the text is not in the format of `offsets export`. */
export function readExport (text: string): readonly ExportedFlow[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw refused(`it is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  const { flows, version } = fieldsOf(parsed)
  if (version !== 1) throw refused(`version is ${JSON.stringify(version)}, and 1 is the only known`)
  return listOf(flows, 'flows').map((each, i) => {
    const { flow, partitions } = fieldsOf(each)
    const at = `flows[${i}]`
    return {
      name: textOf(flow, `${at}.flow`),
      partitions: listOf(partitions, `${at}.partitions`).map((position, j) =>
        positionOf(position, `${at}.partitions[${j}]`))
    }
  })
}

function positionOf (value: unknown, at: string): ExportedPosition {
  const { offsetMap, partition, sourceOffset, targetOffset, topic, topicIds } = fieldsOf(value)
  if (!Number.isInteger(partition) || Number(partition) < 0) {
    throw refused(`${at}.partition is ${JSON.stringify(partition)}, not a whole number from 0 on`)
  }
  const { source, target } = fieldsOf(topicIds)
  return {
    topic: textOf(topic, `${at}.topic`),
    partition: Number(partition),
    upstream: offsetOf(sourceOffset, `${at}.sourceOffset`),
    downstream: offsetOf(targetOffset, `${at}.targetOffset`),
    topicIds: {
      ...typeof source === 'string' ? { source } : {},
      ...typeof target === 'string' ? { target } : {}
    },
    map: mapOf(offsetMap, `${at}.offsetMap`)
  }
}

function mapOf (value: unknown, at: string): OffsetMap {
  const { isWhole, spans, start } = fieldsOf(value)
  const { sourceOffset, targetOffset } = fieldsOf(start)
  return {
    isWhole: isWhole === true,
    start: {
      upstream: offsetOf(sourceOffset, `${at}.start.sourceOffset`),
      downstream: offsetOf(targetOffset, `${at}.start.targetOffset`)
    },
    spans: listOf(spans, `${at}.spans`).map((span, i) => spanOf(span, `${at}.spans[${i}]`))
  }
}

function spanOf (value: unknown, at: string): OffsetSpan {
  const { records, sourceLength, sourceOffset, targetLength, targetOffset } = fieldsOf(value)
  return {
    upstream: offsetOf(sourceOffset, `${at}.sourceOffset`),
    downstream: offsetOf(targetOffset, `${at}.targetOffset`),
    upstreamLength: offsetOf(sourceLength, `${at}.sourceLength`),
    downstreamLength: offsetOf(targetLength, `${at}.targetLength`),
    records: offsetOf(records, `${at}.records`)
  }
}

function listOf (value: unknown, at: string): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[]
  throw refused(`${at} is ${JSON.stringify(value)}, not a list`)
}

function textOf (value: unknown, at: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw refused(`${at} is ${JSON.stringify(value)}, not a name`)
}

function offsetOf (value: unknown, at: string): bigint {
  if (typeof value === 'string' && /^\d{1,18}$/.test(value)) return BigInt(value)
  throw refused(`${at} is ${JSON.stringify(value)}, not an offset in quotation marks`)
}

function refused (what: string): ReplicatorError {
  return new ReplicatorError('IMPORT_REFUSED', `the file is not as longhaul offsets export ` +
    `writes it: ${what}`, { action: 'Export the positions again' })
}
