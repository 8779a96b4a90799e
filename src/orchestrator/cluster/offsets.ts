// Offsets of many partitions, requested until they are known: just after a topic was created, or
// while leaders change, brokers briefly answer that they are not the leader.
import { systemClock, systemRandom, type Clock } from '../time/clock.ts'
import { backoffDelayMs } from '../time/retry.ts'
import type { ClusterAdmin, Isolation, ListedOffset, WantedOffset } from './cluster-admin.ts'

const backoff = { initialMs: 20, maxMs: 500 }
/** New leaders are elected and known to all brokers within a few seconds, or there is a fault. */
const patienceMsMax = 10_000

/** In the order of the request. Remaining errors are not retriable, or outlasted `patienceMs`. */
export async function listOffsetsPatiently (
  admin: Pick<ClusterAdmin, 'listOffsets' | 'listTopics'>, wanted: readonly WantedOffset[],
  isolation: Isolation, clock: Clock = systemClock, patienceMs = patienceMsMax
): Promise<readonly ListedOffset[]> {
  const results = new Array<ListedOffset>(wanted.length)
  let open = wanted.map((_, index) => index)
  const deadline = clock.monotonic() + patienceMs
  for (let failures = 0; ; failures++) {
    const listed = await admin.listOffsets(open.flatMap(index => wanted[index] ?? []), isolation)
    for (const [i, index] of open.entries()) {
      const offset = listed[i]
      if (offset !== undefined) results[index] = offset
    }
    open = open.filter(index => results[index]?.error?.retriable === true)
    const waitMs = backoffDelayMs(backoff, failures + 1, systemRandom)
    if (open.length === 0 || clock.monotonic() + waitMs > deadline) return results
    await clock.sleep(waitMs)
    // The client answers from its cached metadata of a topic, for minutes, without partitions that
    // were added meanwhile. A listing makes the client fetch the metadata of all topics again.
    if (open.some(index => results[index]?.error?.row.refreshesMetadata === true)) {
      await admin.listTopics()
    }
  }
}

/** The start and the end of a partition's log, or the error of either. */
export interface ListedLog {
  readonly start: ListedOffset
  readonly end: ListedOffset
}

/** In the order of the request. The ends are of all records, committed or not. */
export async function listLogs (
  admin: Pick<ClusterAdmin, 'listOffsets' | 'listTopics'>,
  partitions: ReadonlyArray<Omit<WantedOffset, 'at'>>
): Promise<readonly ListedLog[]> {
  // One request names a partition once.
  const [starts, ends] = await Promise.all((['earliest', 'latest'] as const).map(async at =>
    await listOffsetsPatiently(admin,
      partitions.map(({ partition, topic }) => ({ topic, partition, at })), 'read_uncommitted')))
  return partitions.flatMap((_, i) => {
    const [start, end] = [starts?.[i], ends?.[i]]
    return start === undefined || end === undefined ? [] : [{ start, end }]
  })
}
