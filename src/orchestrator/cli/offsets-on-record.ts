// `longhaul offsets explain FILE --topic T` and `longhaul offsets export FILE`: print the contents
// of each flow's progress topic, as tables and as JSON. Both change nothing, and may run beside the
// processes that mirror.
import { writeFileSync } from 'node:fs'
import type { Config, FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { withOffsetLookup } from '../offsets/offset-lookup.ts'
import { isExact, type OffsetSpan } from '../offsets/offset-map.ts'
import { offsetMapOf } from '../progress/offset-map-record.ts'
import { progressTopicOf } from '../progress/progress-topic.ts'
import type { PartitionOnRecord } from '../progress/slot-contents.ts'
import { configure, openLog, type ConfigOptions, type InputOptions } from './configure.ts'
import { exitCodes, failureExit, type ExitCode } from './exit-codes.ts'
import { nameOnSource, partitionsNamed } from './named-topic.ts'
import { renderOutput } from './structured-output.ts'
import { renderTable, tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface ExplainOptions extends ConfigOptions {
  readonly topic: string
  /** Undefined: every partition of the topic. */
  readonly partition?: string
}

export interface ExportOptions extends ConfigOptions {
  /** Undefined: write to stdout. */
  readonly to?: string
}

export interface FlowOnRecord {
  readonly flow: FlowConfig
  readonly partitions: readonly PartitionOnRecord[]
}

export async function explainOffsets (
  file: string, options: ExplainOptions, terminal: Terminal
): Promise<ExitCode> {
  const { partition, topic } = options
  if (partition !== undefined && !/^\d{1,9}$/.test(partition)) {
    terminal.stderr.write('error: --partition must be a whole number from 0 on\n')
    return exitCodes.usage
  }
  return await withRecords(file, options, terminal, flows => {
    const chosen = flows.map(({ flow, partitions }) => ({
      flow,
      partitions: partitionsNamed(topic, flow, partitions).filter(({ source }) =>
        partition === undefined || source.partition === Number(partition))
    }))
    const width = tableWidth(terminal)
    terminal.stdout.write(renderOutput(options.output, chosen.map(flowToJson),
      () => chosen.map(each => flowToText(each, topic, width)).join('\n')))
    const isFound = chosen.some(({ partitions }) => partitions.length > 0)
    return isFound ? exitCodes.ok : exitCodes.failed
  })
}

export async function exportOffsets (
  file: string, options: ExportOptions, terminal: Terminal
): Promise<ExitCode> {
  return await withRecords(file, options, terminal, flows => {
    const text = `${JSON.stringify({ version: 1, flows: flows.map(flowToJson) }, undefined, 2)}\n`
    if (options.to === undefined) {
      terminal.stdout.write(text)
    } else {
      writeFileSync(options.to, text)
      terminal.stderr.write(`wrote ${options.to}\n`)
    }
    return exitCodes.ok
  })
}

async function withRecords (
  file: string, options: InputOptions, terminal: Terminal,
  work: (flows: readonly FlowOnRecord[]) => ExitCode
): Promise<ExitCode> {
  const config = configure(file, options, terminal)
  if (config === undefined) return exitCodes.usage
  try {
    return work(await Promise.all(config.flows.map(async flow =>
      ({ flow, partitions: await recordsOf(flow, config, terminal) }))))
  } catch (thrown) {
    terminal.stderr.write(`error: ${ReplicatorError.from(thrown).message}\n`)
    return failureExit(thrown)
  }
}

async function recordsOf (
  flow: FlowConfig, config: Config, terminal: Terminal
): Promise<readonly PartitionOnRecord[]> {
  const log = openLog(config, terminal, terminal.stderr)
  return await withOffsetLookup(flow, log, terminal.clock, async lookup =>
    await lookup.all(terminal.stopped))
}

export function flowToText (
  { flow, partitions }: FlowOnRecord, topic: string, width: number
): string {
  const place = progressTopicOf(flow.source.alias)
  if (partitions.length === 0) {
    return `${flow.name}: ${place} has no position of ${topic}: check the name` +
      `${nameOnSource(topic, flow)}, and whether the flow mirrors the topic\n`
  }
  return partitions.map(({ producerId, progress, source }) => {
    const { downstream, upstream } = progress
    const remoteTopic = flow.policy.remoteTopic(source.topic)
    const map = offsetMapOf(progress)
    const rows = map.spans.map(span => spanToCells(span))
    const head = ['source offsets', 'target offsets', 'records', 'detail']
    const from = map.isWhole ? 'the first record' : `source offset ${map.start.upstream}`
    return `${flow.name}: ${source.topic}-${source.partition} is mirrored up to source offset ` +
      `${upstream}, which is target offset ${downstream} of ${remoteTopic}-${source.partition}, ` +
      `by producer ${producerId}. Its offset map is known from ${from} on:\n` +
      `${renderTable(head, rows, width)}\n`
  }).join('\n')
}

function spanToCells (span: OffsetSpan): readonly string[] {
  const { downstream, downstreamLength, records, upstream, upstreamLength } = span
  return [
    `${upstream} to ${upstream + upstreamLength - 1n}`,
    `${downstream} to ${downstream + downstreamLength - 1n}`,
    String(records),
    isExact(span) ? 'each record' : 'with gaps: answers may be early'
  ]
}

export function flowToJson ({ flow, partitions }: FlowOnRecord): object {
  return {
    flow: flow.name,
    progressTopic: progressTopicOf(flow.source.alias),
    partitions: partitions.map(({ producerId, progress, source }) => {
      const { isWhole, spans, start } = offsetMapOf(progress)
      return {
        topic: source.topic,
        remoteTopic: flow.policy.remoteTopic(source.topic),
        partition: source.partition,
        sourceOffset: String(progress.upstream),
        targetOffset: String(progress.downstream),
        producerId: String(producerId),
        sequence: progress.sequence,
        ...progress.leaderEpoch === undefined ? {} : { leaderEpoch: progress.leaderEpoch },
        ...progress.topicIds === undefined ? {} : { topicIds: progress.topicIds },
        offsetMap: {
          isWhole,
          start: { sourceOffset: String(start.upstream), targetOffset: String(start.downstream) },
          spans: spans.map(span => ({
            sourceOffset: String(span.upstream),
            targetOffset: String(span.downstream),
            sourceLength: String(span.upstreamLength),
            targetLength: String(span.downstreamLength),
            records: String(span.records)
          }))
        }
      }
    })
  }
}
