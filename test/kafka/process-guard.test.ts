// Processes and folders must not outlive a test run, even one that is killed.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { eventually } from './eventually.ts'
import { releasePorts, reservePorts } from './ports.ts'
import { createTempFolder, isAlive, removeFolder } from './process-guard.ts'

const guard = join(import.meta.dirname, 'process-guard.js')

/** A run that guards a child and a folder, prints both, and waits to be killed. */
function startRun (
  ending: string, stderr: 'inherit' | 'pipe' = 'inherit'
): ReturnType<typeof spawn> {
  return spawn(process.execPath, ['--input-type=module', '-e', `
    import { spawnGuarded, createTempFolder } from ${JSON.stringify(guard)}
    const child = spawnGuarded('sleep', ['300'], { stdio: 'ignore' })
    console.log(JSON.stringify({ pid: child.pid, folder: createTempFolder('guard') }))
    ${ending}
  `], { stdio: ['ignore', 'pipe', stderr] })
}

async function firstLine (run: ReturnType<typeof spawn>): Promise<{ pid: number, folder: string }> {
  const line = await new Promise<string>(resolve => {
    run.stdout?.once('data', data => { resolve(String(data)) })
  })
  return JSON.parse(line) as { pid: number, folder: string }
}

describe('the process guard', () => {
  test('ends the child and removes the folder when the run exits by itself', async () => {
    const { pid, folder } = await firstLine(startRun('setTimeout(() => process.exit(1), 200)'))
    await eventually('end of the child', () => !isAlive(pid))
    await eventually('end of the folder', () => !existsSync(folder))
  })

  test('has the kernel end the child of a killed run, and the next run sweep up', async () => {
    const run = startRun('setInterval(() => {}, 1000)')
    const { pid, folder } = await firstLine(run)
    assert.equal(isAlive(pid), true)
    run.kill('SIGKILL')
    await eventually('end of the child', () => !isAlive(pid))
    await eventually('end of the run', () => run.signalCode !== null)
    removeFolder(createTempFolder('sweeper'))
    assert.equal(existsSync(folder), false)
  })

  test('fails the run if a child crashes', async () => {
    const run = startRun("child.kill('SIGSEGV')", 'pipe')
    let stderr = ''
    run.stderr?.on('data', data => { stderr += String(data) })
    const [code] = await once(run, 'close') as [number]
    assert.equal(stderr, 'sleep 300 crashed: SIGSEGV\n')
    assert.equal(code, 1)
  })

  test('fails no run whose child ends by another signal', async () => {
    const [code] = await once(startRun("child.kill('SIGTERM')"), 'exit') as [number]
    assert.equal(code, 0)
  })
})

describe('port reservation', () => {
  test('reserves each port for one owner, outside the range of outgoing connections', async t => {
    const ports = await reservePorts(50, 25_000)
    t.after(() => { releasePorts(ports) })
    const others = await reservePorts(50, 25_000)
    t.after(() => { releasePorts(others) })
    assert.equal(new Set([...ports, ...others]).size, 100)
    assert.ok([...ports, ...others].every(port => port >= 20_000 && port < 32_000))
  })
})
