// `longhaul offsets translate FILE --group G`: prints the offset at which a consumer group
// continues in each remote partition, and writes a file with which Kafka's own tool moves the
// group.
import { writeFileSync } from 'node:fs'
import type { GroupOffset } from '../cluster/cluster-admin.ts'
import { openClusterAdmin } from '../cluster/native-cluster-admin.ts'
import type { FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import { explainAnswer } from '../offsets/explain-answer.ts'
import { withOffsetLookup, type OffsetLookup } from '../offsets/offset-lookup.ts'
import { withRefinement, type Refine } from '../offsets/offset-refinement.ts'
import { translate, type OffsetAnswer } from '../offsets/offset-map.ts'
import { judgeTopic } from '../policy/topic-filter.ts'
import { offsetMapOf } from '../progress/offset-map-record.ts'
import { comparePartitions } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import { retry } from '../time/retry.ts'
import { configure, openLog, type ConfigOptions } from './configure.ts'
import { exitCodes, failureExit, type ExitCode } from './exit-codes.ts'
import { renderOutput } from './structured-output.ts'
import { renderTable, tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface GroupOptions extends ConfigOptions {
  readonly group: string
  /** Where to write the input of kafka-consumer-groups.sh --reset-offsets --from-file. */
  readonly resetFile?: string
}

interface GroupRow extends GroupOffset {
  readonly flow: string
  readonly remoteTopic: string
  /** Undefined: the partition has no position. */
  readonly answer: OffsetAnswer | undefined
  readonly text: string
}

export async function translateGroup (
  file: string, options: GroupOptions, terminal: Terminal
): Promise<ExitCode> {
  const config = configure(file, options, terminal)
  if (config === undefined) return exitCodes.usage
  const log = openLog(config, terminal, terminal.stderr)
  let rows: readonly GroupRow[]
  try {
    rows = (await Promise.all(config.flows.map(
      async flow => await rowsOf(options.group, flow, log, terminal)))).flat()
  } catch (thrown) {
    terminal.stderr.write(`error: ${ReplicatorError.from(thrown).message}\n`)
    return failureExit(thrown)
  }
  terminal.stdout.write(renderOutput(options.output, rows.map(toJson),
    () => renderRows(rows, tableWidth(terminal))))
  if (rows.length === 0) {
    terminal.stderr.write(`error: ${options.group} has committed no offset of a topic that is ` +
      'mirrored; check the name of the group\n')
  }
  const { resetFile } = options
  if (resetFile !== undefined && !wroteReset(resetFile, rows, terminal)) return exitCodes.failed
  return rows.length > 0 && rows.every(isTranslated) ? exitCodes.ok : exitCodes.failed
}

const coordinatorErrors: ReadonlySet<string> = new Set(
  ['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR'])

async function rowsOf (
  group: string, flow: FlowConfig, log: Log, { clock, stopped }: Terminal
): Promise<readonly GroupRow[]> {
  const committed = (await committedBy(group, flow, clock, stopped))
    .filter(({ topic }) => judgeTopic(flow.topics, topic) === 'mirrored')
    .sort(comparePartitions)
  return await withOffsetLookup(flow, log, clock, async lookup =>
    await withRefinement(flow, clock, async refine => {
      const rows: GroupRow[] = []
      for (const each of committed) rows.push(await rowOf(each, flow, lookup, refine, stopped))
      return rows
    }))
}

/**
 * Rejects with the error of the group's coordinator: DESCRIBE on the group is needed. Waits for a
 * coordinator: a cluster creates the topic of its groups only when the first client asks for one.
 */
async function committedBy (
  group: string, flow: FlowConfig, clock: Clock, signal: AbortSignal
): Promise<readonly GroupOffset[]> {
  const admin = openClusterAdmin(
    { ...flow.source.admin, timeoutMs: flow.settings['admin.timeout.ms'] })
  try {
    return await retry({
      clock,
      backoff: { initialMs: 100, maxMs: 1_000 },
      attemptsMax: 20,
      isRetriable: thrown => coordinatorErrors.has(ReplicatorError.from(thrown).errorName),
      signal
    }, async () => {
      const [answer] = await admin.groupOffsets([group])
      if (answer?.error !== undefined) throw answer.error
      return answer?.offsets ?? []
    })
  } finally {
    await admin.close()
  }
}

async function rowOf (
  committed: GroupOffset, flow: FlowConfig, lookup: OffsetLookup, refine: Refine,
  signal: AbortSignal
): Promise<GroupRow> {
  const { offset, partition, topic } = committed
  const named = { ...committed, flow: flow.name, remoteTopic: flow.policy.remoteTopic(topic) }
  const progress = await lookup.progressOf(committed, signal)
  if (progress === undefined) {
    return { ...named, answer: undefined, text: `${topic}-${partition} is not mirrored yet` }
  }
  const map = offsetMapOf(progress)
  const answer = await refine(translate(map, offset, progress),
    { source: { topic, partition }, position: offset, isBack: false, progress }, signal)
  const text = explainAnswer(answer, { topic, partition, offset, isBack: false, map, progress })
  return { ...named, answer, text }
}

function isTranslated ({ answer }: GroupRow): boolean { return answer?.offset !== undefined }

function toJson ({ answer, flow, offset, partition, remoteTopic, text, topic }: GroupRow): object {
  return {
    flow,
    topic,
    partition,
    sourceOffset: String(offset),
    remoteTopic,
    targetOffset: answer?.offset === undefined ? null : String(answer.offset),
    kind: answer?.kind ?? 'unknown',
    early: answer === undefined ? null : String(answer.early),
    text
  }
}

function renderRows (rows: readonly GroupRow[], width: number): string {
  const head = ['topic', 'partition', 'source offset', 'remote topic', 'target offset', 'answer']
  return renderTable(head, rows.map(({ answer, offset, partition, remoteTopic, topic }) =>
    [topic, String(partition), String(offset), remoteTopic,
      answer?.offset === undefined ? '-' : String(answer.offset), answer?.kind ?? 'not mirrored'
    ]), width)
}

/** False after the reason was written to stderr. */
function wroteReset (path: string, rows: readonly GroupRow[], terminal: Terminal): boolean {
  try {
    writeFileSync(path, resetText(rows))
  } catch (thrown) {
    terminal.stderr.write(`error: --reset-file ${path} cannot be written: ` +
      `${(thrown as Error).message}\n`)
    return false
  }
  const left = rows.filter(row => !isTranslated(row)).length
  if (left > 0) {
    terminal.stderr.write(`warning: ${path} lacks ${left} of ${rows.length} partitions, which ` +
      'cannot be translated\n')
  }
  return true
}

/** One line for each partition: topic, partition, offset. */
function resetText (rows: readonly GroupRow[]): string {
  return rows.flatMap(({ answer, partition, remoteTopic }) =>
    answer?.offset === undefined ? [] : [`${remoteTopic},${partition},${answer.offset}\n`]).join('')
}
