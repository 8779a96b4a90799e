// Waits until MirrorMaker 2 has stopped: its workers have left their group, and its offsets topic
// has received no record for a while. Records that MirrorMaker 2 mirrors during an import would be
// mirrored twice.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'

export interface StandstillOptions {
  /** A text that changes with each commit of MirrorMaker 2. */
  readonly mark: () => Promise<string>
  /** Whether there is a commit of this or a later time, epoch ms. */
  readonly hasCommitSince: (sinceMs: number) => Promise<boolean>
  /** How many workers the group of MirrorMaker 2 has. */
  readonly workers: () => Promise<number>
  /** How old the newest commit must be. */
  readonly quietMs: number
  readonly timeoutMs: number
  readonly clock: Clock
  readonly onWait: (text: string) => void
}

const lookMs = 1_000

/** Rejects with MIRROR_MAKER_RUNS if MirrorMaker 2 has not stopped within `timeoutMs`. */
export async function untilStandstill (
  options: StandstillOptions, signal: AbortSignal
): Promise<void> {
  const { clock, hasCommitSince, mark, onWait, quietMs, timeoutMs, workers } = options
  const deadline = clock.monotonic() + timeoutMs
  let before: string | undefined
  let said: string | undefined
  for (;;) {
    const [running, now] = [await workers(), await mark()]
    const isRecent = await hasCommitSince(clock.now() - quietMs)
    const obstacle = running > 0
      ? `its group has ${running} ${running === 1 ? 'worker' : 'workers'}`
      : isRecent ? `its newest commit is less than ${quietMs / 1000} s old` : undefined
    // Two checks: if the clocks differ, a commit between them may have an older timestamp.
    if (obstacle === undefined && now === before) return
    before = now
    if (obstacle !== undefined && obstacle !== said) onWait(said = obstacle)
    if (clock.monotonic() > deadline) {
      throw new ReplicatorError('MIRROR_MAKER_RUNS',
        obstacle ?? 'its offsets topic still receives records')
    }
    await clock.sleep(lookMs, signal)
  }
}
