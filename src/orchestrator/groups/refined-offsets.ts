// The exact answers for positions of groups in thinned parts of the offset maps. Each position is
// read once, few positions a run: a group that does not progress costs nothing more.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { OffsetAnswer } from '../offsets/offset-map.ts'
import type { Refine } from '../offsets/offset-refinement.ts'
import { partitionKey, type Progress, type TopicPartition } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'

export interface MappedPosition {
  readonly source: TopicPartition
  readonly position: bigint
  readonly progress: Progress
  /** Of the map. */
  readonly answer: OffsetAnswer
}

/** Opens the readers of both logs for `work`, and closes them in any case. */
export type WithRefinement = (work: (refine: Refine) => Promise<void>) => Promise<void>

/** Some seconds of a run; the next runs read the others. */
const readingsPerRun = 20
/** After a failed reading: a missing permission, or a cluster that does not answer. */
const pauseMs = 600_000
/** Two megabytes; the oldest are read again. */
const knownMax = 10_000

export class RefinedOffsets {
  readonly #withRefinement: WithRefinement
  readonly #clock: Clock
  readonly #known = new Map<string, OffsetAnswer>()
  #notBeforeMs = -Infinity

  constructor (withRefinement: WithRefinement, clock: Clock) {
    this.#withRefinement = withRefinement
    this.#clock = clock
  }

  /** The answer of the map, if it is exact or no exact answer is known. */
  answerOf (position: MappedPosition): OffsetAnswer {
    return isThinned(position)
      ? this.#known.get(keyOf(position)) ?? position.answer
      : position.answer
  }

  /** Rejects after a failed reading; the positions that were read before are known. */
  async learn (positions: readonly MappedPosition[], signal: AbortSignal): Promise<void> {
    const unknown = positions.filter(each =>
      isThinned(each) && !this.#known.has(keyOf(each)))
    if (unknown.length === 0 || this.#clock.monotonic() < this.#notBeforeMs) return
    try {
      await this.#withRefinement(async refine => {
        for (const each of unknown.slice(0, readingsPerRun)) {
          const { answer, position, progress, source } = each
          const question = { source, position, progress, isBack: false }
          this.#remember(keyOf(each), await refine(answer, question, signal))
        }
      })
    } catch (thrown) {
      signal.throwIfAborted()
      this.#notBeforeMs = this.#clock.monotonic() + pauseMs
      throw ReplicatorError.from(thrown)
    }
  }

  #remember (key: string, answer: OffsetAnswer): void {
    const [oldest] = this.#known.keys()
    if (this.#known.size >= knownMax && oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(key, answer)
  }
}

function isThinned ({ answer }: MappedPosition): boolean { return answer.kind === 'thinned' }

/** In another era the target has other records at its offsets. */
function keyOf ({ position, progress: { era = 0 }, source }: MappedPosition): string {
  return `${partitionKey(source)}/${era}/${position}`
}
