// What commands say of the warnings of a file.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { configure, configureFlows, openLog } from '../../../src/orchestrator/cli/configure.ts'
import type { Terminal } from '../../../src/orchestrator/cli/terminal.ts'
import { capturedTerminal } from './run-program.ts'

test('a command about flows that run counts the warnings of the file in one line', t => {
  const file = createFile(t, ['topicz = orders', 'lanez = 2'])
  const { terminal, written } = capturedTerminal()
  assert.ok(configureFlows(file, { X: [] }, terminal) !== undefined)
  assert.equal(written(), `warning: ${file}: 2 warnings, which longhaul validate ${file} shows\n`)
})

test('a single warning is shown itself', t => {
  const { terminal, written } = capturedTerminal()
  assert.ok(configureFlows(createFile(t, ['topicz = orders']), { X: [] }, terminal) !== undefined)
  assert.match(written(), /^warning: .*topicz.*\n$/)
})

test('a command that examines the file shows each warning', t => {
  const { terminal, written } = capturedTerminal()
  const file = createFile(t, ['topicz = orders', 'lanez = 2'])
  assert.ok(configure(file, { X: [] }, terminal) !== undefined)
  assert.match(written(), /^warning: .*topicz.*\nwarning: .*lanez.*\n$/)
})

test('log lines are coloured on a terminal only, and not with NO_COLOR', t => {
  const config = configure(createFile(t, ['log.format = pretty']), { X: [] },
    capturedTerminal().terminal)
  assert.ok(config !== undefined)
  const isColoured = (isTTY: boolean, environment: Terminal['environment']): boolean => {
    const { terminal, written } = capturedTerminal()
    const stderr = { ...terminal.stderr, isTTY }
    openLog(config, { ...terminal, stderr, environment }, stderr).warn({}, 'a line')
    assert.match(written(), /a line/)
    return written().includes('\u001b[')
  }
  assert.equal(isColoured(true, {}), true)
  assert.equal(isColoured(true, { NO_COLOR: '' }), true)
  assert.equal(isColoured(true, { NO_COLOR: '1' }), false)
  assert.equal(isColoured(false, {}), false)
})

function createFile (t: TestContext, lines: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-configure-'))
  t.after(() => { rmSync(folder, { recursive: true }) })
  const file = join(folder, 'mm2.properties')
  writeFileSync(file, ['clusters = A, B', 'A->B.enabled = true',
    'A.bootstrap.servers = 127.0.0.1:1', 'B.bootstrap.servers = 127.0.0.1:2', ...lines].join('\n'))
  return file
}
