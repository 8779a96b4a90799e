// `longhaul status FILE`: prints processes, pauses, positions and lag of each flow, from its
// progress topic and both clusters. Needs no running process, and changes nothing.
import type { Config, FlowConfig } from '../config/config.ts'
import type { FlowMember } from '../control/control-record.ts'
import { ControlState, type OrdersInForce } from '../control/control-state.ts'
import { ordersView } from '../api/flow-views.ts'
import { refuseNeverRun, withFlowRecords, type FlowOnRecord } from '../flow/flow-records.ts'
import { listOffsetsPatiently } from '../cluster/offsets.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { openClusterPair, type ClusterPair } from '../flow/cluster-pair.ts'
import { TargetClaims } from '../flow/target-claims.ts'
import { topicOptions } from '../flow/topic-options.ts'
import { KnownTopicIds } from '../partitions/topic-ids.ts'
import { judgeTopic } from '../policy/topic-filter.ts'
import { isIdempotent, partitionKey, type TopicPartition } from '../progress/progress.ts'
import { checkTopics, type TopicCheck } from '../topics/topic-check.ts'
import { configureFlows, openLog, type ConfigOptions } from './configure.ts'
import { exitCodes, failureExit, type ExitCode } from './exit-codes.ts'
import { unknownOnRecord } from './flow-state.ts'
import { notMirroredText } from './named-topic.ts'
import { orderLines } from './order-lines.ts'
import {
  countProcesses, processExit, processJson, processLines, type ProcessCount
} from './process-count.ts'
import { renderOutput } from './structured-output.ts'
import { renderTable, tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface StatusOptions extends ConfigOptions {
  readonly flow?: string
  readonly topic?: string
  /** Show the status again every few seconds, until SIGTERM or Ctrl-C. */
  readonly watch?: boolean
}

export interface PartitionStatus extends TopicPartition {
  /** Undefined: the progress topic has no position of the partition. */
  readonly upstream: bigint | undefined
  readonly downstream: bigint | undefined
  /** High watermark of the source. */
  readonly end: bigint | undefined
  /**
   * The log start offset of a recreated source topic: the position belongs to the deleted topic.
   */
  readonly newStart: bigint | undefined
  /** The operator who paused it and the reason; undefined: it is not paused. */
  readonly paused: string | undefined
  /** Why it cannot continue at its position; undefined: neither cluster shows a reason. */
  readonly problem: string | undefined
}

interface FlowStatus {
  readonly flow: FlowConfig
  /** Members of the flow's group now; the records of members that died stay for minutes. */
  readonly processes: ProcessCount
  readonly members: readonly FlowMember[]
  readonly partitions: readonly PartitionStatus[]
  /** False if the target has no idempotent producers. */
  readonly isExactlyOnce: boolean
  readonly orders: OrdersInForce
  readonly error: ReplicatorError | undefined
}

export async function showStatus (
  file: string, options: StatusOptions, terminal: Terminal
): Promise<ExitCode> {
  const configured = configureFlows(file, options, terminal)
  if (configured === undefined) return exitCodes.usage
  const { clock, stderr, stdout, stopped } = terminal
  for (;;) {
    const clear = options.watch === true && stdout.isTTY === true ? clearScreen : ''
    const exitCode = await showOnce(configured, options, terminal, clear)
    if (options.watch !== true || stopped.aborted) return exitCode
    if (exitCode !== exitCodes.ok) stderr.write(`exit code now: ${exitCode}\n`)
    await clock.sleep(watchMs, stopped).catch(() => {})
    if (stopped.aborted) return exitCode
  }
}

const watchMs = 2_000
const clearScreen = '\u001b[H\u001b[2J'

async function showOnce (
  { config, flows }: { readonly config: Config, readonly flows: readonly FlowConfig[] },
  { output, topic }: StatusOptions, terminal: Terminal, before: string
): Promise<ExitCode> {
  const found = await Promise.all(flows.map(
    async flow => await statusOf(flow, config, terminal)))
  const width = tableWidth(terminal)
  const shown = found.map(status => ({
    ...status, partitions: status.partitions.filter(each => (topic ?? each.topic) === each.topic)
  }))
  terminal.stdout.write(before + renderOutput(output, shown.map(toJson),
    () => shown.map(each => render(each, topic, width)).join('\n\n')))
  const isFound = topic === undefined || shown.some(({ partitions }) => partitions.length > 0)
  return statusExit(found, isFound)
}

/** `isFound`: a flow mirrors the topic that the user named. */
export function statusExit (
  flows: ReadonlyArray<Pick<FlowStatus, 'error' | 'partitions' | 'processes'>>, isFound: boolean
): ExitCode {
  const errors = flows.flatMap(({ error }) => error ?? [])
  if (errors.length > 0) return failureExit(...errors)
  if (!isFound) return exitCodes.failed
  const exit = processExit(flows.map(({ processes }) => processes))
  const hasProblem = flows.some(({ partitions }) =>
    partitions.some(({ problem }) => problem !== undefined))
  return exit === exitCodes.ok && hasProblem ? exitCodes.unhealthy : exit
}

export async function statusOf (
  flow: FlowConfig, config: Config, terminal: Terminal
): Promise<FlowStatus> {
  try {
    const clusters = await openClusterPair(flow, terminal.stopped)
    try {
      return await lookAt(flow, clusters, config, terminal)
    } finally {
      await clusters.close()
    }
  } catch (thrown) {
    const error = ReplicatorError.from(thrown)
    return {
      flow, processes: error, members: [], partitions: [], isExactlyOnce: true,
      orders: new ControlState(), error
    }
  }
}

async function lookAt (
  flow: FlowConfig, clusters: ClusterPair, config: Config, terminal: Terminal
): Promise<FlowStatus> {
  const { source, target } = clusters
  const { clock, stopped } = terminal
  await refuseNeverRun(flow, target)
  const log = openLog(config, terminal, terminal.stderr)
  const onRecord = await withFlowRecords({ flow, log, clock },
    async records => await records.read(stopped))
  const check = await checkTopics(
    topicOptions({ config: flow, clusters, claims: new TargetClaims(), signal: stopped }))
  const mirrored = [...check.onSource]
    .filter(([topic]) => judgeTopic(flow.topics, topic) === 'mirrored')
    .toSorted(([one], [other]) => one < other ? -1 : 1)
    .flatMap(([topic, count]) => Array.from({ length: count },
      (_, partition) => ({ topic, partition })))
  const ends = await listOffsetsPatiently(source,
    mirrored.map(({ partition, topic }) => ({ topic, partition, at: 'latest' as const })),
    'read_uncommitted')
  const recreations = await recreationsOf(flow, clusters, mirrored, onRecord)
  const refusalOf = refusalsIn(check)
  const processes = await countProcesses(target, flow.name)
  return {
    flow,
    processes,
    members: onRecord.members,
    partitions: mirrored.map((each, i) => partitionStatus(each, {
      end: known(ends[i]?.offset),
      onRecord,
      recreation: recreations.get(partitionKey(each)),
      refusal: refusalOf(each)
    })),
    isExactlyOnce: [...onRecord.partitions.values()].every(isIdempotent),
    orders: onRecord.control,
    error: undefined
  }
}

/** The source or the target topic was recreated since its progress was written. */
interface Recreation {
  readonly error: ReplicatorError
  /** Of a recreated source topic. */
  readonly newStart: bigint | undefined
}

async function recreationsOf (
  { policy }: FlowConfig, { source, target }: ClusterPair, mirrored: readonly TopicPartition[],
  { partitions }: FlowOnRecord
): Promise<ReadonlyMap<string, Recreation>> {
  const topicIds = new KnownTopicIds(source, target)
  const begun = mirrored.flatMap(each => {
    const progress = partitions.get(partitionKey(each))?.progress
    const remoteTopic = policy.remoteTopic(each.topic)
    return progress === undefined ? [] : [{ ...each, remoteTopic, progress }]
  })
  await topicIds.learn(begun)
  const onSource = begun.filter(each => topicIds.recreatedSource(each) !== undefined)
  const starts = await listOffsetsPatiently(source,
    onSource.map(({ partition, topic }) => ({ topic, partition, at: 'earliest' as const })),
    'read_uncommitted')
  const startOf = new Map(onSource.map((each, i) => [each, known(starts[i]?.offset)]))
  return new Map(begun.flatMap(each => {
    const error = topicIds.recreationOf(each)?.error
    return error === undefined
      ? []
      : [[partitionKey(each), { error, newStart: startOf.get(each) }]]
  }))
}

function known (offset: bigint | undefined): bigint | undefined {
  return offset !== undefined && offset >= 0n ? offset : undefined
}

/** Why the partition cannot be mirrored, by what the target says of a change that it validates. */
function refusalsIn (
  { problems, topics }: TopicCheck
): (partition: TopicPartition) => ReplicatorError | undefined {
  const errors = new Map(problems.map(({ error, topic }) => [topic, error]))
  const onTarget = new Map(topics.map(({ targetPartitions, topic }) => [topic, targetPartitions]))
  return ({ partition, topic }) =>
    partition < (onTarget.get(topic) ?? 0) ? undefined : errors.get(topic)
}

function partitionStatus (partition: TopicPartition, { end, onRecord, recreation, refusal }: {
  readonly end: bigint | undefined
  readonly onRecord: FlowOnRecord
  readonly recreation: Recreation | undefined
  readonly refusal: ReplicatorError | undefined
}): PartitionStatus {
  const progress = onRecord.partitions.get(partitionKey(partition))?.progress
  const pause = onRecord.control.pauseOf(partition)
  const upstream = progress?.upstream
  return {
    ...partition,
    upstream,
    downstream: progress?.downstream,
    end,
    newStart: recreation?.newStart,
    paused: pause === undefined ? undefined : `${pause.by}: ${pause.reason}`,
    problem: recreation?.error.message ?? truncation(upstream, end) ?? refusal?.message
  }
}

function truncation (upstream: bigint | undefined, end: bigint | undefined): string | undefined {
  if (upstream === undefined || end === undefined || end >= upstream) return undefined
  return `the source ends at offset ${end}, below the mirrored offset ${upstream}: its log was ` +
    'truncated, or the topic was recreated'
}

/** Undefined: not known. */
export function lagOf ({ end, newStart, upstream }: PartitionStatus): bigint | undefined {
  if (end === undefined || upstream === undefined) return undefined
  const from = newStart ?? upstream
  return end >= from ? end - from : undefined
}

/** Of the partitions whose lag is known; `-` if that of none is, as before they begin. */
export function behindText (partitions: readonly PartitionStatus[]): string {
  const lags = partitions.flatMap(each => lagOf(each) ?? [])
  return lags.length === 0 ? '-' : String(lags.reduce((sum, lag) => sum + lag, 0n))
}

function render (status: FlowStatus, topic: string | undefined, width: number): string {
  const { error, flow, isExactlyOnce, members, orders, partitions, processes } = status
  if (error !== undefined) return `${flow.name}: ${error.message}`
  const who = members.map(({ address, build, name }) =>
    `  ${name}, ${build}${address === '' ? '' : `, ${address}`}`)
  return [
    ...processLines(flow.name, processes),
    ...who,
    ...orderLines(orders, flow.settings['bandwidth.max']).map(line => `  ${line}`),
    ...isExactlyOnce ? [] : [`  at least once: ${flow.target.alias} has no idempotent producers`],
    tableOf(status, topic, width),
    ...problemLines(partitions),
    `  unknown here, because only processes know it: ${unknownOnRecord.join(', ')}; ask one by ` +
      'longhaul partitions list FILE --url URL'
  ].join('\n')
}

function tableOf (
  { flow, partitions }: FlowStatus, topic: string | undefined, width: number
): string {
  if (topic === undefined) return renderTopics(flow, partitions, width)
  return partitions.length === 0
    ? `  ${notMirroredText(topic, flow)}`
    : renderPartitions(partitions, width)
}

/** One line for each topic: the partitions of a topic mostly have the same problem. */
function problemLines (partitions: readonly PartitionStatus[]): readonly string[] {
  const byTopic = new Map<string, string>()
  for (const { partition, problem, topic } of partitions) {
    if (problem === undefined || byTopic.has(topic)) continue
    byTopic.set(topic, `${topic}-${partition}: ${problem}`)
  }
  return [...byTopic.values()]
}

function renderTopics (
  flow: FlowConfig, partitions: readonly PartitionStatus[], width: number
): string {
  const byTopic = new Map<string, PartitionStatus[]>()
  for (const each of partitions) {
    const before = byTopic.get(each.topic)
    if (before === undefined) byTopic.set(each.topic, [each])
    else before.push(each)
  }
  const rows = [...byTopic].sort(([one], [other]) => one < other ? -1 : 1)
    .map(([topic, own]) => {
      const notBegun = own.filter(({ upstream }) => upstream === undefined).length
      const paused = own.filter(each => each.paused !== undefined).length
      return [
        topic, String(own.length), behindText(own), String(notBegun), String(paused),
        flow.ofTopic(topic).batching
      ]
    })
  return renderTable(
    ['topic', 'partitions', 'records behind', 'not begun', 'paused', 'batching'], rows, width)
}

function renderPartitions (partitions: readonly PartitionStatus[], width: number): string {
  const text = (value: bigint | undefined): string => value === undefined ? '-' : String(value)
  const head = ['partition', 'source offset', 'source end', 'behind', 'target offset', 'paused by']
  return renderTable(head, partitions.map(each => [
    `${each.topic}-${each.partition}`, text(each.upstream), text(each.end), text(lagOf(each)),
    text(each.downstream), each.paused ?? ''
  ]), width)
}

function toJson (status: FlowStatus): object {
  const { error, flow, isExactlyOnce, members, orders, partitions, processes } = status
  const { shares, throttle } = orders
  const text = (value: bigint | undefined): string | null =>
    value === undefined ? null : String(value)
  return {
    flow: flow.name,
    error: error?.message ?? null,
    ...processJson(processes),
    exactlyOnce: isExactlyOnce,
    unknown: unknownOnRecord,
    throttle: {
      bytesPerSecond: throttle?.bytesPerSecond ?? flow.settings['bandwidth.max'],
      by: throttle?.by ?? null,
      reason: throttle?.reason ?? null
    },
    shares: shares.map(({ by, percent, reason, scope }) => ({ ...scope, percent, by, reason })),
    orders: ordersView(orders),
    members: members.map(({ address, build, name, startedMs }) =>
      ({ name, build, address, startedMs })),
    partitions: partitions.map(each => ({
      topic: each.topic,
      partition: each.partition,
      sourceOffset: text(each.upstream),
      sourceEnd: text(each.end),
      lag: text(lagOf(each)),
      targetOffset: text(each.downstream),
      paused: each.paused ?? null,
      problem: each.problem ?? null,
      batching: flow.ofTopic(each.topic).batching
    }))
  }
}
