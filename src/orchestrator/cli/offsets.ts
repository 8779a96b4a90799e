// `longhaul offsets translate FILE --topic T --partition P --offset O`: prints at which offset of
// the remote topic a consumer continues, in each flow of the file, and how exact the answer is.
// Reads the progress topic, changes nothing, and may run beside the processes that mirror.
import type { Config, FlowConfig } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { explainAnswer } from '../offsets/explain-answer.ts'
import { withOffsetLookup } from '../offsets/offset-lookup.ts'
import { withRefinement } from '../offsets/offset-refinement.ts'
import { translate, translateBack, type OffsetAnswer } from '../offsets/offset-map.ts'
import { offsetMapOf } from '../progress/offset-map-record.ts'
import { progressTopicOf } from '../progress/progress-topic.ts'
import type { PartitionOnRecord } from '../progress/slot-contents.ts'
import { configure, openLog, type ConfigOptions } from './configure.ts'
import { exitCodes, failureExit, type ExitCode } from './exit-codes.ts'
import { nameOnSource, partitionsNamed } from './named-topic.ts'
import { renderOutput } from './structured-output.ts'
import { renderTable, tableWidth } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface PositionOptions extends ConfigOptions {
  readonly topic: string
  readonly partition: string
  readonly offset: string
  /** From the target to the source. */
  readonly back?: boolean
}

interface Question {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly isBack: boolean
}

interface TranslatedRow {
  readonly flow: string
  /** On the source. */
  readonly topic: string
  readonly remoteTopic: string
  readonly answer: OffsetAnswer | undefined
  readonly text: string
  /** What ended the search. */
  readonly error?: ReplicatorError
}

export async function translatePosition (
  file: string, options: PositionOptions, terminal: Terminal
): Promise<ExitCode> {
  const question = questionOf(options)
  if (question === undefined) {
    terminal.stderr.write('error: --partition and --offset must be whole numbers from 0 on\n')
    return exitCodes.usage
  }
  const config = configure(file, options, terminal)
  if (config === undefined) return exitCodes.usage
  const rows = await Promise.all(config.flows.map(
    async flow => await translateInFlow(question, flow, config, terminal)))
  terminal.stdout.write(renderOutput(options.output, rows.map(row => toJson(question, row)),
    () => renderRows(question, rows, tableWidth(terminal))))
  if (rows.length === 0) terminal.stderr.write('warning: no flow is enabled\n')
  return rows.some(({ answer }) => answer?.offset !== undefined)
    ? exitCodes.ok
    : failureExit(...rows.map(({ error }) => error))
}

function questionOf (
  { back = false, offset, partition, topic }: PositionOptions
): Question | undefined {
  if (!/^\d{1,18}$/.test(offset) || !/^\d{1,9}$/.test(partition)) return undefined
  return { topic, partition: Number(partition), offset: BigInt(offset), isBack: back }
}

async function translateInFlow (
  question: Question, flow: FlowConfig, config: Config, terminal: Terminal
): Promise<TranslatedRow> {
  const { offset, isBack, partition, topic } = question
  const remoteOf = (name: string) => flow.policy.remoteTopic(name)
  const asked = { flow: flow.name, topic, remoteTopic: remoteOf(topic) }
  try {
    const found = await positionOf(question, flow, config, terminal)
    if (found === undefined) {
      return {
        ...asked,
        answer: undefined,
        text: `${progressTopicOf(flow.source.alias)} has no position of ${topic}-${partition}: ` +
          `check the name${nameOnSource(topic, flow)} and the number, and whether the flow ` +
          'mirrors the topic'
      }
    }
    const { progress, source } = found
    const named = { ...asked, topic: source.topic, remoteTopic: remoteOf(source.topic) }
    const map = offsetMapOf(progress)
    const ofMap = (isBack ? translateBack : translate)(map, offset, progress)
    const answer = await withRefinement(flow, terminal.clock, async refine => await refine(ofMap,
      { source, position: offset, isBack, progress }, terminal.stopped))
    const text = explainAnswer(answer, { ...question, topic: source.topic, map, progress })
    return { ...named, answer, text }
  } catch (thrown) {
    const error = ReplicatorError.from(thrown)
    return { ...asked, answer: undefined, text: error.message, error }
  }
}

/** The name of the remote topic is an easy mistake with --back, so both names find the position. */
async function positionOf (
  question: Question, flow: FlowConfig, config: Config, terminal: Terminal
): Promise<Pick<PartitionOnRecord, 'source' | 'progress'> | undefined> {
  const log = openLog(config, terminal, terminal.stderr)
  const { partition, topic } = question
  return await withOffsetLookup(flow, log, terminal.clock, async lookup => {
    const progress = await lookup.progressOf(question, terminal.stopped)
    if (progress !== undefined) return { source: { topic, partition }, progress }
    return partitionsNamed(topic, flow, await lookup.all(terminal.stopped))
      .find(({ source }) => source.partition === partition)
  })
}

function toJson (
  { isBack, offset, partition }: Question,
  { answer, flow, remoteTopic, text, topic }: TranslatedRow
): object {
  const [from, to] = isBack ? ['targetOffset', 'sourceOffset'] : ['sourceOffset', 'targetOffset']
  return {
    flow,
    topic,
    remoteTopic,
    partition,
    [from]: String(offset),
    [to]: answer?.offset === undefined ? null : String(answer.offset),
    kind: answer?.kind ?? 'unknown',
    early: answer === undefined ? null : String(answer.early),
    text
  }
}

function renderRows (
  { isBack }: Question, rows: readonly TranslatedRow[], width: number
): string {
  const head = ['flow', 'remote topic', isBack ? 'source offset' : 'target offset', 'why']
  return renderTable(head, rows.map(({ answer, flow, remoteTopic, text }) =>
    [flow, remoteTopic, answer?.offset === undefined ? '-' : String(answer.offset), text]), width)
}
