// Who may have a pid file: the process that runs, and no second one.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { PidFile } from '../../../src/orchestrator/service/pid-file.ts'

const pid = 100

function createPath (t: TestContext, content?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-pid-'))
  t.after(() => { rmSync(folder, { recursive: true }) })
  const path = join(folder, 'longhaul.pid')
  if (content !== undefined) writeFileSync(path, content)
  return path
}

/** Processes 100 and 200 run the same program. */
const programs: Readonly<Record<number, string>> = {
  100: '/usr/bin/node', 200: '/usr/bin/node', 300: '/usr/sbin/sshd', 400: ''
}
const take = (path: string) => PidFile.take({ path, pid, programOf: of => programs[of] })

describe('a pid file', () => {
  test('is written, and removed when it is released', t => {
    const path = createPath(t)
    const taken = take(path)
    assert.ok('file' in taken)
    assert.equal(readFileSync(path, 'utf8'), '100\n')
    taken.file.release()
    taken.file.release()
    assert.throws(() => readFileSync(path), { code: 'ENOENT' })
  })

  const refused: ReadonlyArray<readonly [content: string, why: string, owner: number]> = [
    ['200\n', 'a process that runs', 200],
    ['400\n', 'a process of another user, whose program cannot be seen', 400]
  ]
  for (const [content, why, owner] of refused) {
    test(`of ${why} is refused`, t => {
      const path = createPath(t, content)
      assert.deepEqual(take(path), { owner })
      assert.equal(readFileSync(path, 'utf8'), content)
    })
  }

  const replaced: ReadonlyArray<readonly [content: string, why: string]> = [
    ['500\n', 'a process that has ended'],
    ['300\n', 'a process whose id another program has now'],
    ['100\n', 'an earlier process with the same id, in a container'],
    ['', 'a process that was killed before it wrote its id'],
    ['-1\n', 'a hand that wrote no process id']
  ]
  for (const [content, why] of replaced) {
    test(`of ${why} is replaced`, t => {
      const path = createPath(t, content)
      assert.ok('file' in take(path))
      assert.equal(readFileSync(path, 'utf8'), '100\n')
    })
  }

  test('that another process has replaced is not removed', t => {
    const path = createPath(t)
    const taken = take(path)
    writeFileSync(path, '200\n')
    assert.ok('file' in taken)
    taken.file.release()
    assert.equal(readFileSync(path, 'utf8'), '200\n')
  })

  test('is checked against the processes of this machine', t => {
    const path = createPath(t, `${process.pid}\n`)
    // Both ids run node.
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'])
    t.after(() => { child.kill() })
    assert.ok(child.pid !== undefined)
    assert.deepEqual(PidFile.take({ path, pid: child.pid }), { owner: process.pid })
  })
})
