// The live line of `run` and `demo` on a terminal: rates, lag, and problems. Rendering is pure;
// StatusLine owns the one line of the screen.
import type { Clock } from '../time/clock.ts'
import { IntervalLoop } from '../time/interval-loop.ts'
import type { FlowTotals } from './flow-ledger.ts'
import { formatBytes, formatCount, formatSeconds } from './format.ts'
import { latencySince, percentileMs } from './latency.ts'
import type { LogOutput } from './log.ts'
import { countRunning } from './partition-totals.ts'
import type { LatencySnapshot } from './snapshot.ts'

/** All flows of the process at one moment. */
export interface StatusSample {
  readonly atMs: number
  readonly records: number
  readonly bytes: number
  readonly lagRecords: number | undefined
  readonly lagSecondsMax: number | undefined
  readonly latencies: readonly LatencySnapshot[]
  readonly partitions: number
  readonly partitionsRunning: number
  readonly partitionsFaulted: number
  readonly inFlightBytes: number
}

export interface StatusOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  write (text: string): void
}

export interface StatusLineOptions {
  readonly output: StatusOutput
  readonly flows: () => readonly FlowTotals[]
  readonly clock: Clock
  /** False when NO_COLOR is set. */
  readonly color: boolean
  /** An error ends the line; the mirror continues. */
  readonly onError: (error: unknown) => void
}

const redrawMs = 250
/** Rates are averages of two seconds: shorter averages jump with every Produce request. */
const windowSamples = 8
const columnsDefault = 80
const clearLine = '\r\u001b[2K'

export function sampleStatus (flows: readonly FlowTotals[], atMs: number): StatusSample {
  const sum = (pick: (flow: FlowTotals) => number): number =>
    flows.reduce((total, flow) => total + pick(flow), 0)
  const lagRecords = flows.flatMap((flow) => flow.lagRecords ?? [])
  const lagSeconds = flows.flatMap((flow) => flow.lagSecondsMax ?? [])
  return {
    atMs,
    records: sum((flow) => flow.records),
    bytes: sum((flow) => flow.bytes),
    lagRecords: lagRecords.length > 0 ? lagRecords.reduce((a, b) => a + b) : undefined,
    lagSecondsMax: lagSeconds.length > 0 ? Math.max(...lagSeconds) : undefined,
    latencies: flows.map((flow) => flow.latency),
    partitions: sum((flow) => Object.values(flow.partitionsByState).reduce((a, b) => a + b, 0)),
    partitionsRunning: sum((flow) => countRunning(flow.partitionsByState)),
    partitionsFaulted: sum((flow) => flow.partitionsByState.faulted),
    inFlightBytes: sum((flow) => flow.inFlightBytes)
  }
}

/** At most `width` characters; the least important parts are left out first. */
export function renderStatusLine (
  sample: StatusSample, previous: StatusSample | undefined, width: number
): string {
  const seconds = previous === undefined ? 0 : (sample.atMs - previous.atMs) / 1000
  const rate = (latest: number, earlier: number): number =>
    seconds > 0 ? Math.max(0, latest - earlier) / seconds : 0
  const { inFlightBytes, lagRecords, lagSecondsMax, partitions, partitionsFaulted } = sample
  const p99Ms = percentileMs(sample.latencies.map((latency, index) =>
    latencySince(latency, previous?.latencies[index])), 99)
  const lag = lagRecords === undefined
    ? 'lag -'
    : `lag ${formatCount(lagRecords)}` +
      (lagSecondsMax === undefined ? '' : ` ${formatSeconds(lagSecondsMax)}`)
  const parts = [
    `${formatCount(rate(sample.records, previous?.records ?? 0))} records/s`,
    `${formatBytes(rate(sample.bytes, previous?.bytes ?? 0))}/s`,
    lag,
    ...partitionsFaulted > 0 ? [`${partitionsFaulted} FAULTED`] : [],
    `${sample.partitionsRunning}/${partitions} partitions`,
    `p99 ${p99Ms === undefined ? '-' : formatSeconds(p99Ms / 1000)}`,
    `in flight ${formatBytes(inFlightBytes)}`
  ]
  while (parts.length > 1 && parts.join('  ').length > width) parts.pop()
  return parts.join('  ').slice(0, Math.max(0, width))
}

/** Draws nothing at all if the output is not a terminal. */
export class StatusLine {
  readonly #options: StatusLineOptions
  readonly #loop: IntervalLoop
  #samples: StatusSample[] = []
  #shown = ''

  constructor (options: StatusLineOptions) {
    this.#options = options
    this.#loop = new IntervalLoop({
      intervalMs: redrawMs,
      clock: options.clock,
      run: async () => { this.#redraw() },
      onError: (error) => {
        void this.stop()
        options.onError(error)
      }
    })
  }

  start (): void {
    if (this.#options.output.isTTY === true) this.#loop.start()
  }

  /** Removes the line from the screen, before a summary is printed. */
  async stop (): Promise<void> {
    await this.#loop.stop()
    this.#erase()
  }

  /** An output that prints above the line, for logs that share the terminal. */
  above (output: LogOutput): LogOutput {
    return {
      write: (text) => {
        const shown = this.#shown
        this.#erase()
        output.write(text)
        this.#draw(shown)
      }
    }
  }

  #redraw (): void {
    const { clock, flows, output } = this.#options
    const sample = sampleStatus(flows(), clock.monotonic())
    // One column stays free: a full last column makes some terminals wrap.
    const width = (output.columns ?? columnsDefault) - 1
    const line = renderStatusLine(sample, this.#samples[0], width)
    this.#samples = [...this.#samples, sample].slice(-windowSamples)
    if (line === this.#shown) return
    this.#erase()
    this.#draw(line)
  }

  #draw (line: string): void {
    if (line === '') return
    const { color, output } = this.#options
    output.write(color ? line.replace(/\d+ FAULTED/, '\u001b[31m$&\u001b[0m') : line)
    this.#shown = line
  }

  #erase (): void {
    if (this.#shown === '') return
    this.#options.output.write(clearLine)
    this.#shown = ''
  }
}
