// `longhaul validate FILE`: checks the file and both clusters of every flow, and says of every
// topic of the source whether it would be mirrored, under which name, and why not. Changes nothing.
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { openClusterPair, sameClusterRemark } from '../flow/cluster-pair.ts'
import { TargetClaims } from '../flow/target-claims.ts'
import { checkTopics } from '../topics/topic-check.ts'
import { configure, type ConfigOptions } from './configure.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { defaultWidth } from './table.ts'
import type { Terminal } from './terminal.ts'
import { isAsAsked, renderReports, renderReportsJson, type FlowReport } from './validate-report.ts'

export async function validate (
  file: string, options: ConfigOptions, terminal: Terminal
): Promise<ExitCode> {
  const config = configure(file, options, terminal)
  if (config === undefined) return exitCodes.usage
  const claims = new TargetClaims()
  const reports = await Promise.all(config.flows.map(
    async flow => await checkFlow(flow, claims, terminal.stopped)))
  const text = options.output === 'json'
    ? renderReportsJson(reports)
    : renderReports(reports, terminal.stdout.columns ?? defaultWidth)
  terminal.stdout.write(`${text}\n`)
  if (reports.length === 0) terminal.stderr.write('warning: no flow is enabled\n')
  if (reports.some(({ error }) => error !== undefined)) return exitCodes.notStarted
  return reports.every(isAsAsked) ? exitCodes.ok : exitCodes.failed
}

async function checkFlow (
  config: FlowConfig, claims: TargetClaims, signal: AbortSignal
): Promise<FlowReport> {
  try {
    const clusters = await openClusterPair(config, signal)
    try {
      const clusterId = clusters.targetDescription.clusterId ?? config.target.alias
      const check = await checkTopics({
        source: clusters.source,
        target: clusters.target,
        selection: config.topics,
        replicationFactor: config.settings['replication.factor'],
        configProperties: config.configProperties,
        claim: remoteTopic => claims.claim(clusterId, remoteTopic, config.name),
        signal
      })
      return { config, check, remark: sameClusterRemark(config, clusters), error: undefined }
    } finally {
      await clusters.close()
    }
  } catch (thrown) {
    return { config, check: undefined, remark: undefined, error: ReplicatorError.from(thrown) }
  }
}
