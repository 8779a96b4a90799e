// Shows a fault as the user sees it: the state in the metrics, the line in the log.
import type { KafkaCluster } from '../../kafka/cluster.ts'
import { seriesOf } from '../../orchestrator/observability/exposition.ts'
import type { MirrorProcess } from '../mirror-process.ts'

export interface NumberedRecord {
  readonly value: string
  readonly partition: number
}

/** Records whose values are numbers from `from` up to, but not including, `to`. */
export function numbered (from: number, to: number, partition = 0): NumberedRecord[] {
  return Array.from({ length: to - from }, (_, index) =>
    ({ value: `record ${from + index}`, partition }))
}

/**
 * Resolves with the log line of the fault, once the metrics also show the fault and its partition.
 */
export async function untilFaulted (
  mirror: MirrorProcess, topic: string, errorName: string
): Promise<string> {
  const line = await mirror.untilLogged(`${errorName} of ${topic}`, each =>
    each['topic'] === topic && each['state'] === 'faulted' && each.text.includes(errorName))
  await mirror.until('a faulted partition in the metrics', async () => {
    const { series } = await mirror.metrics()
    return (series.get(
      'longhaul_partitions{source="east",state="faulted",target="west"}') ?? 0) > 0
  })
  await untilCounted(mirror, errorName)
  return line.text
}

/** Resolves once the error is counted, as a retried error or not. */
export async function untilCounted (mirror: MirrorProcess, errorName: string): Promise<void> {
  await mirror.until(`${errorName} in the metrics`, async () =>
    await errorsOf(mirror, errorName) > 0)
}

/** How often the error was counted; 0 at first. */
export async function errorsOf (mirror: MirrorProcess, errorName: string): Promise<number> {
  const { series } = await mirror.metrics()
  return ['errors', 'retried_errors'].reduce((sum, kind) => sum + (series.get(
    `longhaul_${kind}_total{error="${errorName}",source="east",target="west"}`) ?? 0), 0)
}

/** Resolves when each of these partitions has at least `more` records more than now. */
export async function untilEachAdvances (
  mirror: MirrorProcess, cluster: KafkaCluster, topic: string, partitions: readonly number[],
  more: number
): Promise<void> {
  // A request may reach a previous leader; it is repeated.
  const ends = async (): Promise<number[] | undefined> => await Promise.all(partitions.map(
    async partition => (await cluster.admin.offsets(topic, partition)).high))
    .catch(() => undefined)
  const before = await mirror.until(`the ends of ${topic}`, ends)
  await mirror.until(`${more} records more in ${topic}-${partitions.join()}`, async () =>
    (await ends())?.every((end, index) => end >= (before[index] ?? 0) + more))
}

/** Undefined: no records were skipped for this reason. */
export async function skippedRecords (
  mirror: MirrorProcess, topic: string, reason: string
): Promise<number | undefined> {
  return await mirror.until(`skips of ${topic}`, async () => {
    const { series } = await mirror.metrics()
    return series.get('longhaul_records_skipped_total{' +
      `reason="${reason}",source="east",target="west",topic="${topic}"}`)
  })
}

/** Waits until this many partitions are in the state, by the metrics of the process. */
export async function untilShown (
  mirror: MirrorProcess, state: string, count: number
): Promise<void> {
  const labels = `{source="east",state="${state}",target="west"}`
  await mirror.until(`${count} partitions that are ${state}`, async () =>
    seriesOf(await mirror.metrics(), 'longhaul_partitions')[labels] === count)
}
