// `longhaul validate FILE`: checks the file, both clusters and the progress topic of every flow,
// and reports for each source topic whether it would be mirrored, under which name, or why not.
// Changes nothing.
import { groupOf } from '../cluster/flow-group.ts'
import type { Config, FlowConfig } from '../config/config.ts'
import { metDifferences } from '../config/met-differences.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import {
  mergedFrom, openClusterPair, sameClusterRemark, type ClusterPair
} from '../flow/cluster-pair.ts'
import { openFlowsBack } from '../flow/flow-inbound.ts'
import type { FlowsBack } from '../flow/flows-back.ts'
import { TargetClaims } from '../flow/target-claims.ts'
import { checkHeartbeats } from '../heartbeats/heartbeat-duty.ts'
import { positionsOnRecord } from '../migration/positions-on-record.ts'
import { checkOffsetSyncs } from '../offset-syncs/offset-sync-duty.ts'
import { checkFlowProgress } from '../progress/flow-progress.ts'
import type { TopicPartition } from '../progress/progress.ts'
import { unlessAborted } from '../time/deadline.ts'
import { occupiedTopics } from '../topics/occupied-topics.ts'
import { checkTopics } from '../topics/topic-check.ts'
import { settingRemarks } from '../topics/topic-remarks.ts'
import { configure, openLog, type ConfigOptions } from './configure.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'
import {
  isAsAsked, isRefused, renderReports, renderReportsJson, type FlowReport, type ProgressCheck
} from './validate-report.ts'

export interface ValidateOptions extends ConfigOptions {
  /** The positions of MirrorMaker 2 are imported next: its records on the target are expected. */
  readonly isBeforeImport?: boolean
}

export async function validate (
  file: string, options: ValidateOptions, terminal: Terminal
): Promise<ExitCode> {
  const config = configure(file, options, terminal)
  if (config === undefined) return exitCodes.usage
  const claims = new TargetClaims()
  const reports = await Promise.all(config.flows.map(
    async flow => await checkFlow(flow, claims, config, options, terminal)))
  const text = options.output === 'json'
    ? renderReportsJson(reports)
    : renderReports(reports, tableWidth(terminal))
  terminal.stdout.write(`${text}\n`)
  if (reports.length === 0) terminal.stderr.write('warning: no flow is enabled\n')
  if (reports.some(isRefused)) return exitCodes.notStarted
  return reports.every(isAsAsked) ? exitCodes.ok : exitCodes.failed
}

async function checkFlow (
  config: FlowConfig, claims: TargetClaims, all: Config,
  { isBeforeImport = false }: ValidateOptions, terminal: Terminal
): Promise<FlowReport> {
  const signal = terminal.stopped
  try {
    const clusters = await openClusterPair(config, signal)
    try {
      const clusterId = clusters.targetDescription.clusterId ?? config.target.alias
      const flowsBack = await lookBack(config, clusters, all, terminal)
      const check = await checkTopics({
        source: clusters.source,
        target: clusters.target,
        selection: config.topics,
        replicationFactor: config.settings['replication.factor'],
        configProperties: config.configProperties,
        claim: topic => claims.claim({
          clusterId, topic, flow: config.name, mergedFrom: mergedFrom(config, clusters)
        }),
        refuse: topic => flowsBack?.refusalOf(topic, config),
        signal
      })
      const remark = sameClusterRemark(config, clusters)
      const heartbeats = await unlessAborted(signal, Promise.all(config.heartbeats.map(
        async pair => await checkHeartbeats(pair, clusters[pair.side]))))
      const offsetSyncs = config.settings['emit.offset-syncs.enabled']
        ? await unlessAborted(signal, checkOffsetSyncs(config, clusters[config.offsetSyncs.side]))
        : undefined
      const remarks = [
        ...settingRemarks(config, check.onSource), ...remark === undefined ? [] : [remark],
        ...[...heartbeats, offsetSyncs].flatMap(error => error?.message ?? [])
      ]
      const progress = await checkProgress(config, clusters, all, terminal)
      const mayStop = !isBeforeImport && config.settings['target.not.empty'] === 'stop'
      const occupied = progress.error === undefined && mayStop
        ? await occupiedTopics(check.topics, clusters.target,
          await positionsOf(config, clusters, all, terminal))
        : []
      const leftOut = check.leftOut.map(({ topic }) => topic)
      const differences = metDifferences(config, all.flows, leftOut)
      const problems = [...check.problems, ...occupied]
      return {
        config, check: { ...check, problems }, progress, remarks, differences, error: undefined
      }
    } finally {
      await clusters.close()
    }
  } catch (thrown) {
    const error = ReplicatorError.from(thrown)
    return {
      config, check: undefined, progress: undefined, remarks: [], differences: [], error
    }
  }
}

/** The flows that bring topics back, at this moment. */
async function lookBack (
  config: FlowConfig, clusters: ClusterPair, all: Config, terminal: Terminal
): Promise<FlowsBack | undefined> {
  const flowsBack = openFlowsBack({
    config,
    clusters,
    announced: async () => {},
    log: openLog(all, terminal, terminal.stderr),
    clock: terminal.clock,
    signal: terminal.stopped
  })
  try {
    await flowsBack?.look()
  } finally {
    await flowsBack?.close()
  }
  return flowsBack
}

async function positionsOf (
  flow: FlowConfig, clusters: ClusterPair, all: Config, terminal: Terminal
): Promise<readonly TopicPartition[]> {
  const log = openLog(all, terminal, terminal.stderr)
  const { clock, stopped: signal } = terminal
  return (await positionsOnRecord({ flow, clusters, log, clock, signal }))
    .map(({ source }) => source)
}

async function checkProgress (
  config: FlowConfig, { sourceDescription, target }: ClusterPair, all: Config,
  terminal: Terminal
): Promise<ProgressCheck> {
  const warnings: ReplicatorError[] = []
  try {
    await checkFlowProgress({
      config,
      target,
      sourceClusterId: sourceDescription.clusterId,
      group: groupOf(config.name),
      onWarning: warning => { warnings.push(warning) },
      log: openLog(all, terminal, terminal.stderr),
      clock: terminal.clock,
      signal: terminal.stopped
    })
    return { error: undefined, warnings }
  } catch (thrown) {
    return { error: ReplicatorError.from(thrown), warnings }
  }
}
