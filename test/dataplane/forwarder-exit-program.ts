// A program for forwarder-life-cycle.test.ts: brings a forwarder to a stage, on the main thread or
// in workers, and ends there. What counts is its exit status: a crash in native clean-up shows
// there. Two workers at a time load the addon.
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isMainThread, workerData } from 'node:worker_threads'
import { openForwarder, openMockCluster } from '../../src/dataplane/index.ts'
import { assignments, forwarderConfig, partitions, topic } from './create-forwarder.ts'
import { endWorker } from './end-worker.ts'

export const exitStages = ['open', 'starting', 'running', 'closing', 'closed'] as const
export const exitWays = [
  'process.exit', 'the end of two workers', 'terminate of two workers'
] as const

type Stage = typeof exitStages[number]

const runningMs = 500

async function reach (stage: Stage): Promise<void> {
  const topics = [{ name: topic, partitions, replicationFactor: 1 }]
  const source = openMockCluster({ brokers: 1, topics })
  const target = openMockCluster({ brokers: 1, topics })
  const config = forwarderConfig(source.bootstrapServers(), target.bootstrapServers())
  const forwarder = openForwarder(config, () => { forwarder.takeEvents() })
  if (stage === 'open') return
  forwarder.assign(assignments())
  if (stage === 'starting') return
  await sleep(runningMs)
  if (stage === 'running') return
  const closing = forwarder.close()
  if (stage === 'closed') await closing
}

async function main (way: string | undefined, stage: string | undefined): Promise<void> {
  if (way === 'process.exit') {
    await reach(stage as Stage)
  } else {
    const terminateAfterMs = way === 'terminate of two workers' ? runningMs : undefined
    await Promise.all([1, 2].map(async () => {
      await endWorker(fileURLToPath(import.meta.url), { stage }, terminateAfterMs)
    }))
  }
  process.stdout.write('ended\n')
  process.exit(0)
}

async function work (): Promise<void> {
  await reach((workerData as { stage: Stage }).stage)
  // An open forwarder keeps its thread alive; a worker that ends by itself exits.
  process.exit(0)
}

// A rejection ends the worker or the process with an error.
if (!isMainThread) {
  void work()
} else if (process.argv[1] === fileURLToPath(import.meta.url)) {
  void main(process.argv[2], process.argv[3])
}
