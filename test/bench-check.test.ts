// The check of npm run bench -- --check: counts of instructions against the committed ones.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { repoRoot } from './kafka/repo-root.ts'

interface InstructionCounts {
  readTotal (profile: string): number
  compareCounts (
    committed: Readonly<Record<string, number>>, counts: Readonly<Record<string, number>>
  ): { readonly lines: readonly string[], readonly failed: boolean }
}

async function load (): Promise<InstructionCounts> {
  const path = join(repoRoot(), '.ci/bench/instruction-counts.mjs')
  return await import(pathToFileURL(path).href) as InstructionCounts
}

test('the instructions of a call are the totals of its profile', async () => {
  const { readTotal } = await load()
  assert.equal(readTotal('events: Ir\nsummary: 90\n\nfn=(1) main\n1 88\ntotals: 88\n'), 88)
  assert.throws(() => readTotal('events: Ir\n'), /totals/)
})

test('a benchmark that grew by more than 10 % fails the check, and is named', async () => {
  const { compareCounts } = await load()
  const { failed, lines } = compareCounts({ patch: 1000, walk: 1000 }, { patch: 1101, walk: 1100 })
  assert.equal(failed, true)
  assert.match(lines[0] ?? '', /^GREW patch +1101 \+10\.1 %$/)
  assert.match(lines[1] ?? '', /^ok +walk +1100 \+10\.0 %$/)
})

test('a new benchmark passes, one that no longer runs does not', async () => {
  const { compareCounts } = await load()
  assert.equal(compareCounts({ patch: 1000 }, { patch: 500, scan: 7 }).failed, false)
  const { failed, lines } = compareCounts({ patch: 1000, walk: 1000 }, { patch: 1000 })
  assert.equal(failed, true)
  assert.match(lines[1] ?? '', /^GONE walk: /)
})
