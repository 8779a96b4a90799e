// The completions that bash computes from the printed script, and the syntax of the other scripts
// where their shells are installed.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCaptured } from './run-program.ts'

async function scriptOf (shell: string): Promise<string> {
  const { exitCode, written } = await runCaptured(['completion', shell])
  assert.equal(exitCode, 0)
  return written
}

/** What bash offers for the last word; [] lets bash complete the names of files. */
function complete (script: string, words: readonly string[]): readonly string[] {
  const run = spawnSync('bash', ['--norc', '-c', `${script}
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _longhaul; printf '%s\\n' "\${COMPREPLY[@]}"`,
  'bash', ...words], { encoding: 'utf8' })
  assert.equal(run.stderr, '')
  return run.stdout.split('\n').filter(Boolean)
}

test('bash completes commands, commands of commands, options and their values', async () => {
  const script = await scriptOf('bash')
  const commands = complete(script, ['longhaul', ''])
  for (const name of ['run', 'validate', 'status', 'top', 'pause', 'offsets', 'support-bundle']) {
    assert.ok(commands.includes(name), name)
  }
  assert.deepEqual(complete(script, ['longhaul', 'res']), ['resume'])
  assert.deepEqual(complete(script, ['longhaul', 'partitions', '']),
    ['list', 'retry', 'skip', 'help'])
  assert.deepEqual(complete(script, ['longhaul', 'completion', '']).slice(0, 3),
    ['bash', 'zsh', 'fish'])
  assert.deepEqual(complete(script, ['longhaul', 'pause', 'a.properties', '--re']), ['--reason'])
  assert.deepEqual(complete(script, ['longhaul', 'status', 'a.properties', '--output', '']),
    ['table', 'json', 'yaml'])
  assert.deepEqual(complete(script, ['longhaul', 'partitions', 'skip', 'a.properties', '--t']),
    ['--topic', '--to'])
})

test('bash completes the names of files where a file belongs', async () => {
  const script = await scriptOf('bash')
  assert.deepEqual(complete(script, ['longhaul', 'run', 'conn']), [])
  assert.match(script, /^complete -o default -F _longhaul longhaul$/m)
})

for (const shell of ['zsh', 'fish']) {
  const isThere = spawnSync(shell, ['-c', 'true']).status === 0
  const skip = isThere ? false : `${shell} is not installed`
  test(`${shell} accepts its script`, { skip }, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'longhaul-completion-'))
    t.after(() => { rmSync(folder, { recursive: true, force: true }) })
    const file = join(folder, 'script')
    writeFileSync(file, await scriptOf(shell))
    const { stderr, status } = spawnSync(shell, ['-n', file], { encoding: 'utf8' })
    assert.equal(stderr, '')
    assert.equal(status, 0)
  })
}

test('fish offers each command with what it does, and the values of an option', async () => {
  const script = await scriptOf('fish')
  assert.match(script,
    /^complete -c longhaul -n 'not __fish_seen_subcommand_from run .*' -f -a 'run'/m)
  assert.match(script, /-n '__fish_seen_subcommand_from status' -l output -x -a 'table json yaml'/)
})

test('an unknown shell is refused with those that are known', async () => {
  const { exitCode, written } = await runCaptured(['completion', 'tcsh'])
  assert.equal(exitCode, 2)
  assert.match(written, /bash, zsh, fish/)
})
