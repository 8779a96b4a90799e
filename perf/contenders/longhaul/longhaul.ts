// Longhaul as a user starts it: `longhaul run` with a properties file and defaults, or with a few
// settings.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repoRoot } from '../../../test/kafka/repo-root.ts'
import { startProcess } from '../contender-process.ts'
import { flowLines, type Contender, type MirrorJob } from '../contender.ts'
import { targetProgress } from '../target-progress.ts'

function renderProperties (alias: string, settings: readonly string[], job: MirrorJob): string {
  return [
    ...flowLines(alias, job),
    'replication.factor = 1',
    'progress.topic.replication.factor = 1',
    'heartbeats.topic.replication.factor = 1',
    'offset-syncs.topic.replication.factor = 1',
    // As for MirrorMaker 2: no heartbeats are written to the source.
    `target->${alias}.emit.heartbeats.enabled = false`,
    ...settings,
    ''
  ].join('\n')
}

/** The name is also the alias of its source, so that each contender has its own remote topics. */
export function longhaulWith (name: string, settings: readonly string[]): Contender {
  return {
    name,
    description: `longhaul run, ${settings.length === 0 ? 'defaults' : settings.join(', ')}`,
    targetTopic: topic => `${name}.${topic}`,
    async start (job) {
      const file = join(job.folder, 'connect-mirror-maker.properties')
      writeFileSync(file, renderProperties(name, settings, job))
      const main = join(repoRoot(), 'dist/src/orchestrator/main.js')
      const child = startProcess(job.folder, process.execPath, [main, 'run', file])
      return { ...child, progress: targetProgress(job, `${name}.${job.topic}`) }
    }
  }
}

export const longhaul = longhaulWith('longhaul', [])
export const longhaulRebatch = longhaulWith('longhaul-rebatch', ['batching = rebatch'])
export const longhaulAuto = longhaulWith('longhaul-auto', ['batching = auto'])
