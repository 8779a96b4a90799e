// `longhaul bench` on real clusters: its topics are gone at its end, also after SIGINT.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { eventually } from '../kafka/eventually.ts'
import { startKafkaCluster, type KafkaCluster } from '../kafka/cluster.ts'
import { spawnGuarded } from '../kafka/process-guard.ts'
import { repoRoot } from '../kafka/repo-root.ts'

const main = join(repoRoot(), 'dist/src/orchestrator/main.js')

function startBench (source: KafkaCluster, target: KafkaCluster, args: readonly string[]) {
  const child = spawnGuarded(process.execPath, [main, 'bench',
    '--source', source.bootstrapServers, '--target', target.bootstrapServers, ...args],
  { stdio: ['ignore', 'pipe', 'pipe'] })
  const written = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk: Buffer) => { written.stdout += chunk.toString() })
  child.stderr?.on('data', (chunk: Buffer) => { written.stderr += chunk.toString() })
  const exited = once(child, 'exit') as Promise<[number | null]>
  return { child, written, exited }
}

async function benchTopics (cluster: KafkaCluster): Promise<readonly string[]> {
  return (await cluster.admin.topicNames()).filter(name => name.includes('longhaul-bench'))
}

describe('longhaul bench', () => {
  test('mirrors its load and deletes its topics, also after SIGINT', async t => {
    const source = await startKafkaCluster(t)
    const target = await startKafkaCluster(t)
    const whole = startBench(source, target,
      ['--records', '20000', '--compression', 'gzip', '--warm-up', '0'])
    const [status] = await whole.exited
    assert.equal(status, 0, whole.written.stderr)
    assert.match(whole.written.stdout, /^2\d{4} records sent, .* ms 99\.9th\.\n$/m)
    assert.deepEqual([await benchTopics(source), await benchTopics(target)], [[], []])

    const stopped = startBench(source, target, ['--duration', '600s', '--rate', '1000'])
    await eventually('the load is written', () => stopped.written.stderr.includes('bench: writing'))
    assert.equal((await benchTopics(source)).length, 1)
    assert.equal((await benchTopics(target)).length, 2)
    stopped.child.kill('SIGINT')
    const [code] = await stopped.exited
    assert.equal(code, 1, stopped.written.stderr)
    assert.match(stopped.written.stderr, /bench: stopped/)
    assert.deepEqual([await benchTopics(source), await benchTopics(target)], [[], []])
  })
})
