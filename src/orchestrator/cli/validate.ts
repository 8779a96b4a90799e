// `longhaul validate FILE`: checks the file and both clusters of every flow, and says what would be
// mirrored under which names. Changes nothing.
import Table from 'cli-table3'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { openClusterPair } from '../flow/cluster-pair.ts'
import { TargetClaims } from '../flow/target-claims.ts'
import { planTopics, type PlannedTopic, type TopicProblem } from '../topics/topic-plan.ts'
import { configure, type ConfigOptions } from './configure.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'

interface FlowReport {
  readonly flow: string
  readonly topics: readonly PlannedTopic[]
  readonly problems: readonly TopicProblem[]
  /** The flow as a whole could not be checked. */
  readonly error: ReplicatorError | undefined
}

export async function validate (
  file: string, options: ConfigOptions, terminal: Terminal
): Promise<ExitCode> {
  const config = configure(file, options, terminal)
  if (config === undefined) return exitCodes.usage
  const claims = new TargetClaims()
  const reports = await Promise.all(config.flows.map(
    async flow => await checkFlow(flow, claims)))
  const render = options.output === 'json' ? renderJson : renderTables
  terminal.stdout.write(`${render(reports)}\n`)
  if (reports.length === 0) terminal.stderr.write('warning: no flow is enabled\n')
  if (reports.some(({ error }) => error !== undefined)) return exitCodes.notStarted
  return reports.some(({ problems }) => problems.length > 0) ? exitCodes.failed : exitCodes.ok
}

async function checkFlow (config: FlowConfig, claims: TargetClaims): Promise<FlowReport> {
  const flow = config.name
  try {
    const clusters = await openClusterPair(config)
    try {
      const clusterId = clusters.targetDescription.clusterId ?? config.target.alias
      const plan = await planTopics({
        source: clusters.source,
        target: clusters.target,
        selection: config.topics,
        claim: remoteTopic => claims.claim(clusterId, remoteTopic, flow)
      })
      return { flow, ...plan, error: undefined }
    } finally {
      await clusters.close()
    }
  } catch (thrown) {
    return { flow, topics: [], problems: [], error: ReplicatorError.from(thrown) }
  }
}

function renderTables (reports: readonly FlowReport[]): string {
  return reports.map(({ error, flow, problems, topics }) => {
    if (error !== undefined) return `${flow}: ${error.message}`
    const table = new Table({
      head: ['topic', 'remote topic', 'partitions', 'on the target'],
      style: { head: [], border: [] }
    })
    for (const topic of topics) {
      table.push([topic.topic, topic.remoteTopic, topic.sourcePartitions, targetState(topic)])
    }
    const lines = problems.map(problem => `${problem.topic}: ${problem.error.message}`)
    return [`${flow}: ${topics.length} topics`, table.toString(), ...lines].join('\n')
  }).join('\n\n')
}

function targetState ({ sourcePartitions, targetPartitions }: PlannedTopic): string {
  if (targetPartitions === 0) return 'will be made'
  return targetPartitions < sourcePartitions ? `${targetPartitions}, will grow` : 'there'
}

function renderJson (reports: readonly FlowReport[]): string {
  return JSON.stringify(reports.map(({ error, flow, problems, topics }) => ({
    flow,
    topics,
    problems: problems.map(({ topic, error }) => ({ topic, error: error.message })),
    ...(error === undefined ? {} : { error: error.message })
  })))
}
