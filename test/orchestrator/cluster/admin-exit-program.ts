// A program for admin-life-cycle.test.ts: brings an admin client to a stage, on the main thread or
// in a worker, and ends there. The test reads its exit status: a crash in native clean-up changes
// it.
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isMainThread, workerData } from 'node:worker_threads'
import { openAdmin, openMockCluster } from '../../../src/dataplane/index.ts'
import { endWorker } from '../../dataplane/end-worker.ts'

export const exitStages = ['open', 'in a call', 'closing in a call', 'closed', 'collected'] as const
export const exitWays = [
  'the end of the main thread', 'process.exit', 'the end of a worker', 'terminate of a worker'
] as const

type Stage = typeof exitStages[number]

// Long enough for a worker to begin its call, short enough for the matrix.
const settleMs = 400
const callMs = 1_000
const lateMs = 800

async function reach (stage: Stage): Promise<void> {
  const cluster = openMockCluster({ brokers: 1, topics: [] })
  cluster.setBrokerRoundTrip({ broker: -1, milliseconds: 60_000 })
  if (stage === 'collected') {
    openAdmin({ 'bootstrap.servers': cluster.bootstrapServers() })
    await sleep(0)
    globalThis.gc?.()
    return
  }
  const admin = openAdmin({ 'bootstrap.servers': cluster.bootstrapServers() })
  if (stage === 'closed') await admin.close()
  if (stage === 'open' || stage === 'closed') return
  // The end of the main thread waits for its calls, so these must end on their own.
  admin.call('describeCluster', {}, callMs).catch(() => {})
  admin.call('listTopics', {}, callMs).catch(() => {})
  await sleep(100)
  if (stage === 'closing in a call') admin.close().catch(() => {})
}

async function main (way: string | undefined, stage: string | undefined): Promise<void> {
  switch (way) {
    case 'the end of a worker':
    case 'terminate of a worker':
      await endWorker(fileURLToPath(import.meta.url), { stage },
        way === 'terminate of a worker' ? settleMs : undefined)
      // Long enough for a call that outlived its environment to return, and to crash.
      await sleep(lateMs)
      break
    default:
      await reach(stage as Stage)
  }
  process.stdout.write('ended\n')
  if (way === 'process.exit') process.exit(0)
}

// A rejection ends the worker or the process with an error.
if (!isMainThread) {
  void reach((workerData as { stage: Stage }).stage)
} else if (process.argv[1] === fileURLToPath(import.meta.url)) {
  void main(process.argv[2], process.argv[3])
}
