// A request for the offsets of a new topic, whose thread loses its processor at the worst moment.
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { repoRoot } from '../../kafka/repo-root.ts'

// Regression: librdkafka looked for the leaders on the thread of the caller. If the metadata of the
// topic arrived at that moment, librdkafka's own thread ended the request, and the caller read
// freed memory: the process crashed (.ci/setup/librdkafka-mends.mjs).
test('metadata that arrives while a caller looks for leaders does the caller no harm', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-shim-'))
  t.after(() => { rmSync(folder, { recursive: true }) })
  const library = join(folder, 'preempted_caller_shim.so')
  execFileSync(process.env['CC'] ?? 'cc', ['-std=gnu11', '-O2', '-shared', '-fPIC', '-o', library,
    join(repoRoot(), 'test/orchestrator/cluster/preempted_caller_shim.c')])
  const program = fileURLToPath(new URL('./new-topic-program.js', import.meta.url))
  const end = await new Promise<string>(resolve => {
    const env = { ...process.env, LD_PRELOAD: library }
    execFile(process.execPath, [program], { env, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve(error === null ? stdout : `${error.message} ${error.signal} ${stdout} ${stderr}`)
    })
  })
  assert.equal(end, 'first 0 0\nsecond 0 0\nthird 0 0\n')
})
