// The heap of the main thread while the modules of the program are loaded.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { repoRoot } from '../../kafka/repo-root.ts'

const reporter = 'data:text/javascript,' + encodeURIComponent(`
import { getHeapSpaceStatistics } from 'node:v8'
process.on('exit', () => {
  const { space_size: bytes } =
    getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')
  process.stderr.write('new space: ' + bytes)
})`)

// Regression: static imports are evaluated before the first statement of a module, so the limit was
// set after the modules had let the new space grow to 16 MB. V8 keeps that size until it collects
// the whole heap for the first time: in one run only after six minutes, with all memory full.
test('the new space does not grow while the program is loaded', t => {
  if (Number(process.versions.node.split('.')[0]) > 22) {
    t.skip('newer versions of V8 may let the new space double whatever the flag says')
    return
  }
  const program = join(repoRoot(), 'dist/src/orchestrator/main.js')
  const output = execFileSync('sh',
    ['-c', '"$0" --import "$1" "$2" --help 2>&1', process.execPath, reporter, program],
    { encoding: 'utf8' })
  assert.match(output, /Usage: longhaul/)
  const bytes = Number(/new space: (\d+)/.exec(output)?.[1])
  assert.ok(bytes > 0 && bytes <= 4 * 1024 * 1024, `the new space has ${bytes} bytes`)
})
