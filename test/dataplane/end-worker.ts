// Runs a program in a worker thread up to the end of the thread, for the tests of what native
// clean-up does there: the worker ends by itself, or is terminated in whatever it does. The program
// must not await at its top level (test/tidy/import-rules.ts).
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

/** `terminateAfterMs` undefined: the worker is left to end by itself. */
export async function endWorker (
  program: string, workerData: object, terminateAfterMs: number | undefined
): Promise<void> {
  const worker = new Worker(program, { workerData })
  const end = new Promise<void>((resolve, reject) => {
    worker.on('error', reject)
    worker.on('exit', () => { resolve() })
  })
  if (terminateAfterMs !== undefined) {
    await sleep(terminateAfterMs)
    await worker.terminate()
  }
  await end
}
