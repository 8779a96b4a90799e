// `longhaul pause|resume FILE` and `longhaul partitions retry|skip FILE`: writes an operator's
// instruction to the progress topic of the flow. Running processes obey within seconds, and later
// ones from their start; the command needs no running process.
import { hostname } from 'node:os'
import type { FlowConfig } from '../config/config.ts'
import type {
  ControlScope, PauseRecord, RetryRecord, SkipRecord
} from '../control/control-record.ts'
import { refuseNeverRun, refuseSkip, withFlowWords } from '../flow/flow-words.ts'
import { openClusterPair, type ClusterPair } from '../flow/cluster-pair.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import { judgeTopic } from '../policy/topic-filter.ts'
import { configure, openLog, type ConfigOptions } from './configure.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'

export interface WordOptions extends ConfigOptions {
  readonly flow?: string
  readonly topic?: string
  readonly partition?: string
  readonly reason: string
  /** The source offset of a skip. */
  readonly to?: string
  readonly dryRun?: boolean
}

export type WordKind = 'pause' | 'resume' | 'retry' | 'skip'
type Word = PauseRecord | RetryRecord | SkipRecord

const done: Readonly<Record<WordKind, string>> = {
  pause: 'is paused', resume: 'is resumed', retry: 'is retried', skip: 'skips'
}

export async function sayWord (
  kind: WordKind, file: string, options: WordOptions, terminal: Terminal
): Promise<ExitCode> {
  const usage = usageProblem(kind, options)
  if (usage !== undefined) {
    terminal.stderr.write(`error: ${usage}\n`)
    return exitCodes.usage
  }
  const config = configure(file, options, terminal)
  if (config === undefined) return exitCodes.usage
  const flows = config.flows.filter(({ name }) => (options.flow ?? name) === name)
  if (flows.length === 0) {
    const names = config.flows.map(({ name }) => name).join(', ')
    terminal.stderr.write(`error: --flow=${options.flow}: the file enables ${names}\n`)
    return exitCodes.usage
  }
  const word = wordOf(kind, options, terminal)
  const log = openLog(config, terminal, terminal.stderr)
  try {
    for (const flow of flows) {
      const { dryRun = false } = options
      const text = await sayTo(flow, word, dryRun, log, terminal)
      terminal.stdout.write(options.output === 'json'
        ? `${JSON.stringify({ flow: flow.name, word: kind, dryRun, text })}\n`
        : `${flow.name}: ${text}\n`)
    }
    return exitCodes.ok
  } catch (thrown) {
    terminal.stderr.write(`error: ${ReplicatorError.from(thrown).message}\n`)
    return exitCodes.failed
  }
}

/** Why the options contradict each other; undefined: they do not. */
function usageProblem (
  kind: WordKind, { partition, to, topic }: WordOptions
): string | undefined {
  if (partition !== undefined && topic === undefined) return '--partition needs --topic'
  if (partition !== undefined && !/^\d{1,9}$/.test(partition)) {
    return `--partition=${partition} is not a whole number from 0 on`
  }
  if (kind !== 'skip') return undefined
  if (partition === undefined) return 'a skip needs --topic and --partition'
  return /^\d{1,18}$/.test(to ?? '') ? undefined : `--to=${to} is not a whole number from 0 on`
}

function wordOf (kind: WordKind, options: WordOptions, terminal: Terminal): Word {
  const { partition, reason, to = '', topic } = options
  const scope: ControlScope = {
    ...topic !== undefined && { topic },
    ...partition !== undefined && { partition: Number(partition) }
  }
  const atMs = terminal.clock.now()
  const { LOGNAME, USER = LOGNAME ?? 'someone' } = terminal.environment
  const said = { by: `${USER}@${hostname()}`, atMs, reason }
  const id = `${said.by}-${atMs}`
  switch (kind) {
    case 'pause': return { kind: 'pause', scope, isPaused: true, ...said }
    case 'resume': return { kind: 'pause', scope, isPaused: false, ...said }
    case 'retry': return { kind: 'retry', scope, id, ...said }
    case 'skip': {
      const source = { topic: topic ?? '', partition: Number(partition) }
      return { kind: 'skip', source, id, to: BigInt(to), ...said }
    }
  }
}

/** Resolves with the text for the user. */
async function sayTo (
  flow: FlowConfig, word: Word, isDryRun: boolean, log: Log, { clock, stderr, stopped }: Terminal
): Promise<string> {
  const clusters = await openClusterPair(flow, stopped)
  try {
    await refuseNeverRun(flow, clusters.target)
    const doubt = word.kind === 'skip' ? undefined : await doubtOf(word.scope, flow, clusters)
    if (doubt !== undefined) {
      stderr.write(`warning: ${flow.name}: ${doubt}; this counts as soon as the flow mirrors it\n`)
    }
    return await withFlowWords({ flow, log, clock }, async words => {
      if (word.kind === 'skip') refuseSkip(word, await words.progressOf(word.source, stopped))
      if (!isDryRun) await words.say(word, stopped)
      return textOf(word, isDryRun)
    })
  } finally {
    await clusters.close()
  }
}

/**
 * Why the flow mirrors no topic or partition of this name now (the name may be mistyped);
 * undefined: it does.
 */
async function doubtOf (
  { partition, topic }: ControlScope, flow: FlowConfig, { source }: ClusterPair
): Promise<string | undefined> {
  if (topic === undefined) return undefined
  const verdict = judgeTopic(flow.topics, topic)
  if (verdict !== 'mirrored') return `the flow does not mirror ${topic} (${verdict})`
  const [described] = await source.describeTopics([topic])
  if (described === undefined || described.error !== undefined) {
    return `${flow.source.alias} has no topic ${topic}`
  }
  const { partitions } = described
  return partition === undefined || partition < partitions.length
    ? undefined
    : `${topic} has ${partitions.length} partitions, and no partition ${partition}`
}

function textOf (word: Word, isDryRun: boolean): string {
  const { partition, topic }: ControlScope = word.kind === 'skip' ? word.source : word.scope
  const what = topic === undefined
    ? 'the flow'
    : partition === undefined ? topic : `${topic}-${partition}`
  const kind = word.kind === 'pause' && !word.isPaused ? 'resume' : word.kind
  const to = word.kind === 'skip' ? ` to source offset ${word.to}` : ''
  return `${what} ${done[kind]}${to}${isDryRun ? ' (not written: --dry-run)' : ''}`
}
