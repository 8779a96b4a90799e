// `longhaul tune` over an emulated line on which each connection passes little: it finds that more
// connections fill the line, says why, writes that into the file, and leaves no topic behind.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startLine, type Line } from '../../perf/line/line.ts'
import { startKafkaCluster, type KafkaCluster } from '../kafka/cluster.ts'
import { eventually } from '../kafka/eventually.ts'
import { releasePorts, reservePorts } from '../kafka/ports.ts'
import { createTempFolder, removeFolder, spawnGuarded } from '../kafka/process-guard.ts'
import { repoRoot } from '../kafka/repo-root.ts'

const main = join(repoRoot(), 'dist/src/orchestrator/main.js')

async function tuneTopics (cluster: KafkaCluster): Promise<readonly string[]> {
  return (await cluster.admin.topicNames()).filter(name => name.includes('longhaul-bench'))
}

describe('longhaul tune over a long line', () => {
  let source: KafkaCluster
  let target: KafkaCluster
  let line: Line
  let ports: readonly number[]
  const folder = createTempFolder('tune')
  const file = join(folder, 'mirror.properties')
  let text = ''

  before(async () => {
    ports = await reservePorts(1)
    const [port = 0] = ports
    source = await startKafkaCluster(undefined,
      { moreListeners: [{ name: 'FAR', protocol: 'PLAINTEXT', advertisedPort: port }] })
    target = await startKafkaCluster()
    // 2 MB/s for one connection.
    line = await startLine(port, Number(source.serversOf('FAR').split(':')[1]),
      { roundTripMs: 50, rate: 20_000_000, window: 100_000 })
    text = [
      'clusters = far, near', `far.bootstrap.servers = 127.0.0.1:${port}`,
      `near.bootstrap.servers = ${target.bootstrapServers}`, 'far->near.enabled = true',
      'far->near.lanes = 1', 'far->near.connections.per.broker.max = 1', ''
    ].join('\n')
    writeFileSync(file, text)
  })
  after(async () => {
    await line.stop()
    await source.close()
    await target.close()
    releasePorts(ports)
    removeFolder(folder)
  })

  function startTune (args: readonly string[]) {
    const child = spawnGuarded(process.execPath, [main, 'tune', file, ...args],
      { stdio: ['ignore', 'pipe', 'pipe'] })
    const written = { stdout: '', stderr: '' }
    child.stdout?.on('data', (chunk: Buffer) => { written.stdout += chunk.toString() })
    child.stderr?.on('data', (chunk: Buffer) => { written.stderr += chunk.toString() })
    return { child, written, exited: once(child, 'exit') as Promise<[number | null]> }
  }

  test('leaves no topic and the file as it was after SIGINT', async () => {
    const { child, exited, written } = startTune(['--max-bytes', '20MB', '--write'])
    await eventually('the first step', () => written.stderr.includes('MB/s'))
    child.kill('SIGINT')
    const [status] = await exited
    assert.equal(status, 1, written.stderr)
    assert.deepEqual([await tuneTopics(source), await tuneTopics(target)], [[], []])
    assert.equal(readFileSync(file, 'utf8'), text)
  })

  test('chooses more connections where each passes little', async () => {
    const { exited, written } =
      startTune(['--max-bytes', '40MB', '--max-seconds', '45', '--write'])
    const [status] = await exited
    assert.equal(status, 0, written.stderr)
    const [, chosen = ''] =
      /^far->near\.connections\.per\.broker\.max = (\d+)$/m.exec(written.stdout) ?? []
    assert.ok(Number(chosen) >= 4, written.stdout)
    assert.match(written.stdout, new RegExp(`per\\.broker\\.max=${chosen} mirrors .*: the buffers`))
    assert.match(written.stdout, /round trip 5\d\.\d ms to the source/)
    const after = readFileSync(file, 'utf8')
    assert.ok(after.includes(`\nfar->near.connections.per.broker.max = ${chosen}\n`), after)
    assert.match(after, /^# far->near\.connections\.per\.broker\.max = 1$/m)
    assert.equal(readFileSync(`${file}.bak`, 'utf8'), text)
    assert.deepEqual([await tuneTopics(source), await tuneTopics(target)], [[], []])
  })
})
