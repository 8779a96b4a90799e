// `longhaul pause|resume|throttle|reload|log-level FILE` and `longhaul partitions retry|skip FILE`:
// writes an operator's instruction to the progress topic of the flow. Running processes obey within
// seconds, and later ones from their start; the command needs no running process.
import { hostname } from 'node:os'
import type { FlowConfig } from '../config/config.ts'
import { parseBytes } from '../config/setting-kinds.ts'
import {
  limitText, scopeOf, scopeText, shareText, type ControlScope, type Order
} from '../control/control-record.ts'
import { resumeDoubtOf } from '../control/control-state.ts'
import { doubtOf, refuseNeverRun, refuseSkip, withFlowRecords } from '../flow/flow-records.ts'
import { openClusterPair } from '../flow/cluster-pair.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { logLevels, type LogLevel } from '../observability/log-levels.ts'
import type { Log } from '../observability/log.ts'
import { configureFlows, openLog, type ConfigOptions } from './configure.ts'
import { exitCodes, failureExit, type ExitCode } from './exit-codes.ts'
import { renderOutput } from './structured-output.ts'
import type { Terminal } from './terminal.ts'

export interface OrderOptions extends ConfigOptions {
  readonly flow?: string
  readonly topic?: string
  readonly partition?: string
  readonly reason: string
  /** The source offset of a skip. */
  readonly to?: string
  /** A log level, or `file`. */
  readonly level?: string
  /** Bytes a second, `none` or `file`. */
  readonly rate?: string
  /** Percent of the bandwidth, or `file`. */
  readonly share?: string
  readonly dryRun?: boolean
}

export type OrderKind = 'pause' | 'resume' | 'retry' | 'skip' | 'reload' | 'logLevel' | 'throttle'

const done: Readonly<Record<OrderKind | 'share', string>> = {
  pause: 'is paused', resume: 'is resumed', retry: 'is retried', skip: 'skips',
  reload: 'reads its file again', logLevel: 'logs', throttle: 'has a bandwidth',
  share: 'has a share in the bandwidth'
}

export async function giveOrder (
  kind: OrderKind, file: string, options: OrderOptions, terminal: Terminal
): Promise<ExitCode> {
  const usage = usageProblem(kind, options)
  if (usage !== undefined) {
    terminal.stderr.write(`error: ${usage}\n`)
    return exitCodes.usage
  }
  const configured = configureFlows(file, options, terminal)
  if (configured === undefined) return exitCodes.usage
  const { config, flows } = configured
  const order = orderOf(kind, options, terminal)
  const log = openLog(config, terminal, terminal.stderr)
  try {
    for (const flow of flows) {
      const { dryRun = false } = options
      const text = await giveTo(flow, order, dryRun, log, terminal)
      terminal.stdout.write(renderOutput(options.output,
        { flow: flow.name, order: kind, dryRun, text }, () => `${flow.name}: ${text}`))
    }
    return exitCodes.ok
  } catch (thrown) {
    terminal.stderr.write(`error: ${ReplicatorError.from(thrown).message}\n`)
    return failureExit(thrown)
  }
}

/** As in the API: neither empty nor with control characters. */
const reasonPattern = /^(?=.*\S)[^\u0000-\u001f\u007f-\u009f]{1,500}$/u

/** Why the options contradict each other; undefined: they do not. */
function usageProblem (
  kind: OrderKind, options: OrderOptions
): string | undefined {
  const { level, partition, reason, to, topic } = options
  if (!reasonPattern.test(reason)) {
    return '--reason: say why in 1 to 500 characters on one line; log and status show it'
  }
  if (partition !== undefined && topic === undefined) return '--partition needs --topic'
  if (partition !== undefined && !/^\d{1,9}$/.test(partition)) {
    return `--partition=${partition} is not a whole number from 0 on`
  }
  if (kind === 'logLevel' && level !== 'file' && !isLogLevel(level)) {
    return `--level=${level}: allowed is ${logLevels.join(', ')}, file`
  }
  if (kind === 'throttle') return throttleProblem(options)
  if (kind !== 'skip') return undefined
  if (partition === undefined) return 'a skip needs --topic and --partition'
  return /^\d{1,18}$/.test(to ?? '') ? undefined : `--to=${to} is not a whole number from 0 on`
}

function throttleProblem ({ rate, share, topic }: OrderOptions): string | undefined {
  if (rate === undefined && share === undefined) {
    return 'a throttle needs --rate, or --topic and --share'
  }
  if (rate !== undefined && share !== undefined) {
    return 'a throttle has either --rate, or --topic and --share'
  }
  if ((topic === undefined) !== (share === undefined)) {
    return '--topic and --share need each other: --rate is that of the whole flow'
  }
  if (rate !== undefined && limitOf(rate) === 'unusable') {
    return `--rate=${rate}: allowed is a size for each second from 1 to 1PiB, such as 10MiB, ` +
      'none, file'
  }
  return share === undefined || /^(file|[1-9]\d?|100)$/.test(share)
    ? undefined
    : `--share=${share}: allowed is a whole number of percent from 1 to 100, file`
}

/** Bytes a second, 0: no limit; `file`: that of the file. */
function limitOf (rate: string): number | 'file' | 'unusable' {
  if (rate === 'file') return 'file'
  if (rate === 'none') return 0
  const bytes = parseBytes(rate.replace(/\/s$/, '')) ?? NaN
  return Number.isSafeInteger(bytes) && bytes >= 1 && bytes <= 2 ** 50 ? bytes : 'unusable'
}

function isLogLevel (text: string | undefined): text is LogLevel {
  return logLevels.some(each => each === text)
}

function orderOf (kind: OrderKind, options: OrderOptions, terminal: Terminal): Order {
  const { level, partition, rate = '', reason, share, to = '', topic } = options
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
    case 'reload': return { kind: 'reload', id, ...said }
    case 'throttle': {
      if (share !== undefined && topic !== undefined) {
        const percent = share === 'file' ? undefined : Number(share)
        return { kind: 'share', scope: { topic }, percent, ...said }
      }
      const limit = limitOf(rate)
      const bytesPerSecond = typeof limit === 'number' ? limit : undefined
      return { kind: 'throttle', bytesPerSecond, ...said }
    }
    case 'logLevel':
      return { kind: 'logLevel', level: isLogLevel(level) ? level : undefined, ...said }
  }
}

/** Resolves with the text for the user. */
async function giveTo (
  flow: FlowConfig, order: Order, isDryRun: boolean, log: Log, { clock, stderr, stopped }: Terminal
): Promise<string> {
  const clusters = await openClusterPair(flow, stopped)
  try {
    await refuseNeverRun(flow, clusters.target)
    const doubt = 'scope' in order ? await doubtOf(order.scope, flow, clusters) : undefined
    if (doubt !== undefined) {
      stderr.write(`warning: ${flow.name}: ${doubt}; this counts as soon as the flow mirrors it\n`)
    }
    return await withFlowRecords({ flow, log, clock }, async records => {
      if (order.kind === 'skip') {
        await refuseSkip(order, await records.progressOf(order.source, stopped), clusters)
      }
      if (order.kind === 'pause' && !order.isPaused) {
        const { control } = await records.read(stopped)
        const left = resumeDoubtOf(order.scope, control.pauses)
        if (left !== undefined) stderr.write(`warning: ${flow.name}: ${left}\n`)
      }
      if (!isDryRun) await records.order(order, stopped)
      return textOf(order, isDryRun)
    })
  } finally {
    await clusters.close()
  }
}

function textOf (order: Order, isDryRun: boolean): string {
  const kind = order.kind === 'pause' && !order.isPaused ? 'resume' : order.kind
  const unwritten = isDryRun ? ' (not written: --dry-run)' : ''
  return `${scopeText(scopeOf(order))} ${done[kind]}${detailOf(order)}${unwritten}`
}

function detailOf (order: Order): string {
  switch (order.kind) {
    case 'skip': return ` to source offset ${order.to}`
    case 'logLevel':
      return order.level === undefined ? ' at the level of its file' : ` at level ${order.level}`
    case 'throttle': return ` that is ${limitText(order.bytesPerSecond)}`
    case 'share': return ` that is ${shareText(order.percent)}`
    default: return ''
  }
}
