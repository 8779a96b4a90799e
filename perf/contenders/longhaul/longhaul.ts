// Longhaul as a user starts it: `longhaul run` with a properties file and defaults.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repoRoot } from '../../../test/kafka/repo-root.ts'
import { startProcess } from '../contender-process.ts'
import { flowLines, type Contender, type MirrorJob } from '../contender.ts'
import { targetProgress } from '../target-progress.ts'

const alias = 'longhaul'

function renderProperties (job: MirrorJob): string {
  return [
    ...flowLines(alias, job),
    'replication.factor = 1',
    'progress.topic.replication.factor = 1',
    'heartbeats.topic.replication.factor = 1',
    'offset-syncs.topic.replication.factor = 1',
    // As for MirrorMaker 2: no heartbeats are written to the source.
    `target->${alias}.emit.heartbeats.enabled = false`,
    ''
  ].join('\n')
}

export const longhaul: Contender = {
  name: 'longhaul',
  description: 'longhaul run, defaults',
  targetTopic: topic => `${alias}.${topic}`,
  async start (job) {
    const file = join(job.folder, 'connect-mirror-maker.properties')
    writeFileSync(file, renderProperties(job))
    const main = join(repoRoot(), 'dist/src/orchestrator/main.js')
    const child = startProcess(job.folder, process.execPath, [main, 'run', file])
    return { ...child, progress: targetProgress(job, `${alias}.${job.topic}`) }
  }
}
