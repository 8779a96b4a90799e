// A mirror that meets transaction markers, compaction gaps, other writers and crashes: the offset
// map that it keeps, and the true offsets of its records.
import fc from 'fast-check'
import {
  emptyMap, exactSpan, mappedTo, withSpan, type MapPoint, type OffsetMap
} from '../../../src/orchestrator/offsets/offset-map.ts'

export const start = { upstream: 0n, downstream: 0n }

/** The events between two checks, in numbers of offsets. */
export type Step =
  | { readonly kind: 'mirror', readonly records: number }
  /** A marker or a compaction gap on the source. */
  | { readonly kind: 'gap', readonly offsets: number }
  /** Another producer appends to the target. */
  | { readonly kind: 'others', readonly offsets: number }
  /** A crash: the map since the last 'keep' is lost, the position is kept. */
  | { readonly kind: 'lose' }
  | { readonly kind: 'keep' }
  /** The source changed during a resume: the last records are mirrored again. */
  | { readonly kind: 'again', readonly records: number }

const size = fc.integer({ min: 1, max: 9 })
export const lossless = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('mirror' as const), records: size }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('gap' as const), offsets: size }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('others' as const), offsets: size }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('again' as const), records: size }) })
export const lossy = fc.oneof(
  { weight: 8, arbitrary: lossless },
  { weight: 1, arbitrary: fc.constant({ kind: 'lose' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'keep' } as const) })

export class SimulatedMirror {
  map: OffsetMap = emptyMap(start, true)
  point: MapPoint = { ...start, sequence: 0 }
  /** The target offset of the newest copy of each source record. */
  truth: Array<{ upstream: bigint, downstream: bigint }> = []
  readonly #max: number
  #kept = { map: this.map, point: this.point }

  constructor (max: number) { this.#max = max }

  run (step: Step): void {
    switch (step.kind) {
      case 'mirror': return this.#mirror(step.records)
      case 'gap': return this.#move(step.offsets, 0)
      case 'others': return this.#move(0, step.offsets)
      case 'keep': this.#kept = { map: this.map, point: this.point }; return
      case 'lose': this.map = mappedTo(this.#kept.map, this.#kept.point, this.point); return
      case 'again': {
        const first = this.truth.at(-step.records)
        if (first === undefined) return
        this.truth = this.truth.filter(({ upstream }) => upstream < first.upstream)
        this.point = { ...this.point, upstream: first.upstream }
        this.#mirror(step.records)
        this.#kept = { map: this.map, point: this.point }
      }
    }
  }

  #mirror (records: number): void {
    const { downstream, upstream } = this.point
    for (let i = 0n; i < records; i++) {
      this.truth.push({ upstream: upstream + i, downstream: downstream + i })
    }
    this.map = withSpan(this.map, exactSpan(upstream, downstream, BigInt(records)), this.#max)
    this.#move(records, records, records)
  }

  #move (upstream: number, downstream: number, records = 0): void {
    const { point } = this
    this.point = {
      upstream: point.upstream + BigInt(upstream),
      downstream: point.downstream + BigInt(downstream),
      sequence: point.sequence + records
    }
  }
}
