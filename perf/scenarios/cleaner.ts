// Waits for the log cleaner of a broker.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const cleanerMsMax = 600_000

/** Resolves when the size of the topic on disk has not changed for `restMs`. */
export async function untilCleaned (
  logDir: string, topic: string, restMs: number, say: (text: string) => void
): Promise<void> {
  const deadline = performance.now() + cleanerMsMax
  let size = -1
  for (;;) {
    const now = bytesOnDisk(logDir, topic)
    say(`${Math.round(now / 1024 / 1024)} MiB on disk`)
    if (now === size) return
    if (performance.now() > deadline) throw new Error('the cleaner does not finish')
    size = now
    await sleep(restMs)
  }
}

/** A segment that the cleaner replaces meanwhile counts as empty. */
function bytesOnDisk (logDir: string, topic: string): number {
  const folders = readdirSync(logDir).filter(name => name.startsWith(`${topic}-`))
  return folders.flatMap(folder => readdirSync(join(logDir, folder)).map(file =>
    statSync(join(logDir, folder, file), { throwIfNoEntry: false })?.size ?? 0))
    .reduce((sum, size) => sum + size, 0)
}
