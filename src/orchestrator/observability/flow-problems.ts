// The problems of one flow, for the log and the error counters: problems of its clusters, of its
// topics, of the flow itself. Lanes count the errors that they meet.
import type { Side } from '../config/property-path.ts'
import { clientLineText, isLoginLine } from '../errors/client-lines.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { plural } from './format.ts'
import type { Log, LogFields } from './log.ts'
import { RecurringProblems, type ReportedProblem } from './recurring-problems.ts'
import { SharedProblems } from './shared-problems.ts'
import type { ClusterHealth, CountsByCode } from './snapshot.ts'

export interface FlowProblemsOptions {
  readonly log: Log
  readonly clock: Clock
  /** Aliases of the clusters. */
  readonly source: string
  readonly target: string
  /** Of all flows of the process, whose owner calls its tick(); by default the flow has its own. */
  readonly shared?: SharedProblems
  /** Who logs in to each cluster for the lanes; undefined: they do not log in there. */
  readonly logins?: Readonly<Record<Side, string | undefined>>
}

/** Partitions that wait for the same reason. */
export interface WaitingGroup {
  readonly error: ReplicatorError
  readonly partitions: number
  /** The cluster that the error names; undefined: the error names none. */
  readonly side?: Side | undefined
}

/** The records that the target has not acknowledged at the end of the flow. */
export interface Unacknowledged {
  /** By name. */
  readonly partitions: readonly string[]
  /** An upper bound. */
  readonly records: number
  /** The last error in the lane of the first of these partitions. */
  readonly error: ReplicatorError | undefined
  /** Partitions whose lanes do not answer, so that their state is unknown. */
  readonly silent: readonly string[]
}

const sides = ['source', 'target'] as const

const minuteMs = 60_000
/**
 * After a cluster has answered again, its clients still report closed connections: they wait up to
 * 10 s between attempts. A later report belongs to another problem.
 */
const echoMs = 10_000
/**
 * tick() is called each second: after a gap of this length the process itself did not run (SIGSTOP,
 * a frozen container), and what it has not heard meanwhile is not the silence of a cluster.
 */
const notRunMs = 5_000
/** A lane tries to log in at least this often, and reports each refusal. */
const refusalMs = 60_000
/** How many log lines a minute may name a partition, for each error. */
const namedPerMinute = 20

export class FlowProblems {
  readonly #options: FlowProblemsOptions
  readonly #name: string
  readonly #recurring: RecurringProblems
  readonly #shared: SharedProblems
  readonly #counts = new Map<number, bigint>()
  readonly #retried = new Map<number, bigint>()
  /** Clusters that do not answer: when this flow noticed it, monotonic. */
  readonly #awayMs = new Map<Side, number>()
  /** When a cluster that had not answered has answered again, monotonic. */
  readonly #backMs = new Map<Side, number>()
  /** The last logged text of each topic; only of topics with a recent problem. */
  readonly #said = new Map<string, string>()
  /** Clusters that refuse the login of the lanes: the newest line, and when it came, monotonic. */
  readonly #refused = new Map<Side, { readonly text: string, readonly atMs: number }>()
  #loginRefusals: readonly string[] = []
  readonly #spokenOf = new Set<string>()
  /** When tick() was called last, monotonic; undefined: not yet. */
  #tickedMs: number | undefined
  /** When the process ran again after it had not run, monotonic. */
  #ranAgainMs = -Infinity
  /** The last logged line about the silence of the flow's group. */
  #saidOfGroup: string | undefined
  #isClosing = false
  #hasEnded = false
  #named = { minute: 0, counts: new Map<string, number>() }

  constructor (options: FlowProblemsOptions) {
    this.#options = options
    const { clock, log, shared, source, target } = options
    this.#name = `${source}->${target}`
    this.#recurring = new RecurringProblems(log, clock)
    this.#shared = shared ?? new SharedProblems(log, clock)
  }

  /** Since the flow began. */
  get counts (): CountsByCode { return new Map(this.#counts) }

  /** Errors after which the flow retries. */
  get retriedCounts (): CountsByCode { return new Map(this.#retried) }

  /** Of lanes whose partitions wait for it now. */
  get loginRefusals (): readonly string[] { return this.#loginRefusals }

  count (error: ReplicatorError): void { countInto(this.#counts, error) }

  /** The flow closes its clients from now on: a call that ends with CLOSED is no problem. */
  close (): void { this.#isClosing = true }

  /** The flow has stopped, and has logged how: calls that fail afterwards are only counted. */
  end (): void { this.#hasEnded = true }

  /**
   * Receives a problem of the flow. All problems that one cluster causes are one problem in the
   * log.
   */
  warn (thrown: unknown, side?: Side): void {
    const error = ReplicatorError.from(thrown)
    if (this.#isClosing && error.errorName === 'CLOSED') return
    countInto(isMendedByRetry(error) ? this.#retried : this.#counts, error)
    if (this.#hasEnded) {
      this.#options.log.debug({ err: error }, error.message)
      return
    }
    const cluster = side === undefined ? this.#clusterOf(error) : this.#options[side]
    const problem = { level: 'warn', text: error.message, fields: { err: error } } as const
    if (cluster !== undefined && (error.retriable || error.isLoginRefused)) {
      this.#reportOfCluster(
        cluster, { ...problem, isQuiet: this.#mayBeFalse(this.#sideOf(cluster)) })
    } else {
      this.#recurring.report({ ...problem, key: error.message })
    }
  }

  /** The line names this flow, also if the problem is one of several flows. */
  #reportOfCluster (alias: string, problem: Omit<ReportedProblem, 'key'>): void {
    this.#shared.reportCluster(
      alias, { ...problem, fields: { flow: this.#name, ...problem.fields } })
  }

  logUnacknowledged ({ error, partitions, records, silent }: Unacknowledged): void {
    const { log, target } = this.#options
    if (partitions.length > 0) {
      // Without the advice of the error, such as to wait for a retry: the flow stops.
      const why = error === undefined
        ? ''
        : ` (${error.row.text}: ${error.detail}, ${error.errorName})`
      log.warn({ partitions: partitions.length, records },
        `${target} has not acknowledged all records of ${withExample(partitions)}${why}: up to ` +
        `${records} records are left for the next start`)
    }
    if (silent.length > 0) {
      log.warn({ partitions: silent.length },
        `the lanes of ${withExample(silent)} do not answer, so the process ends without them: ` +
        `the next start finds on ${target} what was mirrored`)
    }
  }

  /** The time for the end of the flow has passed, and its slots are not released. */
  logNotDrained (): void {
    const { log, target } = this.#options
    log.warn({}, `the flow stops, and ${target} has not answered its last requests (last ` +
      'progress, consumer group): the next start scans the target for mirrored records, and the ' +
      'group assigns the slots to other processes when the session of this process ends')
  }

  /**
   * Receives a log line of a lane. Those of its clients begin with their side; a client repeats an
   * error for each broker and connection.
   */
  laneLine (lane: number, text: string): void {
    const side = /^(source|target): /.exec(text)?.[1] as Side | undefined
    const own = side === undefined ? undefined : clientLineText(text, this.#loginOf(side))
    if (own !== undefined || this.#hasEnded) this.#options.log.debug({ lane }, text)
    if (this.#hasEnded) return
    const named = side === undefined
      ? own ?? text
      : `${this.#options[side]}: ${own ?? text.slice(side.length + 2)}`
    if (side !== undefined && isLoginLine(text)) {
      this.#refused.set(side, { text: named, atMs: this.#options.clock.monotonic() })
    }
    const isQuiet = this.#mayBeFalse(side)
    const problem = { level: 'warn', text: named, fields: { lane }, isQuiet } as const
    if (side === undefined) this.#recurring.report({ ...problem, key: text })
    else this.#reportOfCluster(this.#options[side], problem)
  }

  /**
   * Receives a problem of a partition that no retry of the flow solves: logged and counted when it
   * begins. If many partitions have the same problem, the log names the first few and counts the
   * others.
   */
  logPartition (
    name: string, error: ReplicatorError, fields: LogFields & { readonly state: string },
    isCounted: boolean
  ): void {
    const { state } = fields
    if (isCounted) this.count(error)
    const { errorName } = error
    const minute = Math.floor(this.#options.clock.monotonic() / minuteMs)
    if (this.#named.minute !== minute) this.#named = { minute, counts: new Map() }
    const count = (this.#named.counts.get(errorName) ?? 0) + 1
    this.#named.counts.set(errorName, count)
    if (count <= namedPerMinute) {
      this.#options.log.error({ ...fields, err: error }, `${name} is ${state}: ${error.message}`)
    } else {
      this.#recurring.report({
        key: `further partitions (${errorName})`,
        level: 'error',
        text: `Further partitions are ${state}, ${name} is the newest: ${error.message}`
      })
    }
  }

  /** Receives a problem of a topic: logged and counted when it begins and when it changes. */
  say (of: string, error: ReplicatorError): void {
    this.#spokenOf.add(of)
    if (this.#said.get(of) === error.message) return
    this.#said.set(of, error.message)
    this.count(error)
    this.#options.log.error({ topic: of, err: error }, `${of}: ${error.message}`)
  }

  /**
   * Call it after every topic was checked: a problem that was not reported since the last call is
   * over, and is logged again if it returns.
   */
  endRound (): void {
    for (const of of [...this.#said.keys()]) {
      if (!this.#spokenOf.has(of)) this.#said.delete(of)
    }
    this.#spokenOf.clear()
  }

  /**
   * Call it about every second, with the present state. `silence` says that the flow's group does
   * not answer, and what follows.
   */
  tick (
    waiting: readonly WaitingGroup[],
    clusters: Partial<Readonly<Record<Side, ClusterHealth>>> = {},
    silence?: string
  ): void {
    const hasJustRunAgain = this.#hasJustRunAgain()
    this.#tickedMs = this.#options.clock.monotonic()
    for (const side of sides) this.#reportCluster(side, clusters[side], hasJustRunAgain)
    this.#reportGroup(silence)
    this.#loginRefusals = this.#refusalsOf(waiting, clusters)
    const causes = waiting.map(group => this.#causeOf(group))
    // The line about a cluster also names the partitions that wait for that cluster.
    for (const side of sides) {
      const own = waiting.filter((_, i) => causes[i] === side)
      const text = own.map(group => this.#waitingText(group)).join('; ')
      this.#shared.noteCluster(this.#options[side], this.#name, text)
    }
    for (const [i, group] of waiting.entries()) {
      const { error: { errorName: error }, partitions, side } = group
      this.#recurring.report({
        key: `partitions that wait (${error}${side === undefined ? '' : `, ${side}`})`,
        level: 'warn',
        text: this.#waitingText(group),
        fields: { error, partitions },
        isState: true,
        isQuiet: causes[i] !== undefined || this.#hasJustReturned(side)
      })
    }
    if (this.#options.shared === undefined) this.#shared.tick()
    this.#recurring.tick()
  }

  /**
   * A lane does not report that a login was accepted: then no partition waits any more. Partitions
   * wait for a cluster that does not answer because of that, or because it refuses every login.
   */
  #refusalsOf (
    waiting: readonly WaitingGroup[], clusters: Partial<Readonly<Record<Side, ClusterHealth>>>
  ): readonly string[] {
    for (const [side, { atMs }] of this.#refused) {
      const isOver = this.#options.clock.monotonic() - atMs >= refusalMs
      if (isOver || clusters[side]?.error !== undefined) this.#refused.delete(side)
    }
    return sides.flatMap(side => waiting.some(each => each.side === side)
      ? this.#refused.get(side)?.text ?? []
      : [])
  }

  #loginOf (side: Side): string | undefined {
    const login = this.#options.logins?.[side]
    return login === undefined ? undefined : `lanes, ${login}`
  }

  /** The cluster that the partitions wait for, if the log already names the cluster's problem. */
  #causeOf ({ side }: WaitingGroup): Side | undefined {
    const said = sides.filter(each => this.#shared.isClusterReported(this.#options[each]))
    if (side !== undefined) return said.includes(side) ? side : undefined
    return said.find(each => this.#awayMs.has(each)) ?? said[0]
  }

  #reportCluster (side: Side, health: ClusterHealth | undefined, isQuiet: boolean): void {
    if (health === undefined) return
    const alias = this.#options[side]
    const nowMs = this.#options.clock.monotonic()
    const awayMs = this.#awayMs.get(side)
    if (health.error === undefined) {
      if (awayMs === undefined) return
      this.#awayMs.delete(side)
      this.#shared.endCluster(alias, awayMs)
      this.#backMs.set(side, nowMs)
      return
    }
    if (awayMs === undefined) this.#awayMs.set(side, nowMs)
    if (!this.#isAway(side)) return
    const seconds = Math.round((this.#options.clock.now() - health.answeredMs) / 1000)
    this.#reportOfCluster(alias, {
      level: 'warn',
      text: `${alias} has not answered for ${seconds} s: ${health.error.message}`,
      fields: { err: health.error },
      isState: true,
      isQuiet,
      endsQuietly: true // readiness-log.ts says so
    })
  }

  /** A group of a cluster whose problem has a line is a consequence in the next of its lines. */
  #reportGroup (silence: string | undefined): void {
    const { log, target } = this.#options
    this.#shared.noteCluster(target, `${this.#name}, group`, silence ?? '')
    if (silence !== undefined && silence !== this.#saidOfGroup &&
      !this.#shared.isClusterReported(target)) log.warn({}, silence)
    this.#saidOfGroup = silence
  }

  #waitingText ({ error, partitions }: WaitingGroup): string {
    const { source, target } = this.#options
    const count = partitions === 1 ? '1 partition waits' : `${partitions} partitions wait`
    return `${count} in ${source}->${target}: ${error.row.text} (${error.errorName}), ` +
      `for example ${error.detail}`
  }

  /** A report of this cluster that need not be of a problem that lasts. */
  #mayBeFalse (side: Side | undefined): boolean {
    return this.#hasJustRunAgain() || this.#isEcho(side)
  }

  #hasJustRunAgain (): boolean {
    const nowMs = this.#options.clock.monotonic()
    if (this.#tickedMs !== undefined && nowMs - this.#tickedMs >= notRunMs && !this.#isClosing) {
      this.#tickedMs = this.#ranAgainMs = nowMs
    }
    return nowMs - this.#ranAgainMs < echoMs
  }

  #isEcho (side: Side | undefined): boolean {
    if (side === undefined || this.#isAway(side)) return false
    const backMs = Math.max(this.#backMs.get(side) ?? -Infinity,
      this.#shared.answeredMs(this.#options[side]) ?? -Infinity)
    return this.#options.clock.monotonic() - backMs < echoMs
  }

  /**
   * A partition waits since the outage began, but its present reason may be new: a broker that has
   * returned learns of leaders within seconds.
   */
  #hasJustReturned (side: Side | undefined): boolean {
    return side === undefined ? sides.some(each => this.#isEcho(each)) : this.#isEcho(side)
  }

  /** False, too, if the cluster has answered another flow since this flow noticed the silence. */
  #isAway (side: Side): boolean {
    const awayMs = this.#awayMs.get(side)
    return awayMs !== undefined &&
      awayMs > (this.#shared.answeredMs(this.#options[side]) ?? -Infinity)
  }

  #sideOf (alias: string): Side | undefined {
    return sides.find(side => this.#options[side] === alias)
  }

  /** Longhaul's own state is on the target. */
  #clusterOf (error: ReplicatorError): string | undefined {
    return error.cluster ??
      (error.errorName.startsWith('PROGRESS_') ? this.#options.target : undefined)
  }
}

/** The flow recreates the topic, but its earlier records may be lost: an operator must check. */
function isMendedByRetry ({ errorName, retriable }: ReplicatorError): boolean {
  return retriable && errorName !== 'PROGRESS_DELETED'
}

function countInto (counts: Map<number, bigint>, { code }: ReplicatorError): void {
  counts.set(code, (counts.get(code) ?? 0n) + 1n)
}

function withExample (partitions: readonly string[]): string {
  return `${plural(partitions.length, 'partition')}, for example ${String(partitions[0])}`
}
