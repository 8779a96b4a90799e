// How a test sees what the user sees of a fault: the state in the metrics, the line in the log.
import type { MirrorProcess } from '../mirror-process.ts'

export interface NumberedRecord {
  readonly value: string
  readonly partition: number
}

/** Records whose values are numbers from `from` up to, not including, `to`. */
export function numbered (from: number, to: number, partition = 0): NumberedRecord[] {
  return Array.from({ length: to - from }, (_, index) =>
    ({ value: `record ${from + index}`, partition }))
}

/** Resolves with the log line of the fault, once the metrics show a faulted partition, too. */
export async function untilFaulted (
  mirror: MirrorProcess, topic: string, errorName: string
): Promise<string> {
  const line = await mirror.untilLogged(`${errorName} of ${topic}`, each =>
    each['topic'] === topic && each['state'] === 'faulted' && each.text.includes(errorName), 40_000)
  await mirror.until('a faulted partition in the metrics', async () => {
    const { series } = await mirror.metrics()
    return (series.get(
      'longhaul_partitions{source="east",state="faulted",target="west"}') ?? 0) > 0
  })
  return line.text
}

/** Undefined: nothing was skipped for this reason. */
export async function skippedRecords (
  mirror: MirrorProcess, topic: string, reason: string
): Promise<number | undefined> {
  return await mirror.until(`skips of ${topic}`, async () => {
    const { series } = await mirror.metrics()
    return series.get('longhaul_records_skipped_total{' +
      `reason="${reason}",source="east",target="west",topic="${topic}"}`)
  })
}
