// A run's section in a file below perf/results: its head, and where it is appended.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { repoRoot } from '../../test/kafka/repo-root.ts'

export interface Run {
  readonly command: string
  readonly startedAt: Date
}

/** Day, command and machine; `sharedBy` names what ran on its cores. */
export function sectionHead ({ command, startedAt }: Run, sharedBy: string): readonly string[] {
  return [
    '', `## ${startedAt.toISOString().slice(0, 10)}`, '', `\`${command}\``, '',
    `${cpus().length} cores shared by ${sharedBy}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB.`, ''
  ]
}

/** Returns the path of the scenario's file, and creates the file if it is missing. */
export function appendSection (scenario: string, section: string): string {
  const path = join(repoRoot(), `perf/results/${scenario}.md`)
  const heading = `# ${scenario}\n\nOldest first; ../README.md says what a run does.\n`
  if (!existsSync(path)) writeFileSync(path, heading)
  appendFileSync(path, section)
  return path
}
