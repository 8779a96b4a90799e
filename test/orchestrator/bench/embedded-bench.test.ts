// `longhaul bench` from end to end on embedded clusters, with the files that it writes.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { HistogramLogReader } from 'hdr-histogram-js'
import { bench, type BenchOptions } from '../../../src/orchestrator/cli/bench.ts'
import { exitCodes } from '../../../src/orchestrator/cli/exit-codes.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'
import { createTempFolder, removeFolder } from '../../kafka/process-guard.ts'

async function runBench (options: Partial<BenchOptions> & Readonly<Record<string, unknown>>) {
  const written = { stdout: '', stderr: '' }
  const status = await bench({ X: [], ...options }, {
    stdout: { write: text => { written.stdout += text } },
    stderr: { write: text => { written.stderr += text } },
    environment: process.env,
    clock: systemClock,
    stopped: new AbortController().signal,
    onHangUp: () => {}
  })
  return { status, ...written }
}

describe('longhaul bench', () => {
  test('mirrors every record of its load, and writes its figures', async t => {
    const folder = createTempFolder('bench')
    t.after(() => { removeFolder(folder) })
    const json = join(folder, 'result.json')
    const hlog = join(folder, 'result.hlog')
    const svg = join(folder, 'result.svg')
    const { status, stderr, stdout } = await runBench({
      embedded: true, records: '20000', rate: '40000', recordSize: '100', compression: 'lz4',
      warmUp: '0', json, hlog, svg
    })
    assert.equal(status, exitCodes.ok, stderr)
    const [, written = 0] = /^(\d+) records sent.*\n.*\n\1 records sent/m.exec(stdout) ?? []
    assert.ok(Number(written) >= 20_000 && Number(written) < 20_200, stdout)
    const omb = JSON.parse(readFileSync(json, 'utf8')) as Record<string, unknown>
    assert.equal(omb['partitions'], 4)
    assert.ok(Number(omb['aggregatedEndToEndLatency50pct']) > 0)
    const reader = new HistogramLogReader(readFileSync(hlog, 'utf8'))
    let logged = 0
    for (let next = reader.nextIntervalHistogram(); next !== null;) {
      logged += next.totalCount
      next = reader.nextIntervalHistogram()
    }
    assert.equal(logged, Number(written))
    assert.match(readFileSync(svg, 'utf8'), /<polyline/)
  })

  // Regression: a batch merged from the last records of the warm-up and the first that count was
  // left out as a whole, and the bench waited for records that it would never count.
  test('counts every record although the mirror merges batches', async () => {
    const { status, stderr, stdout } = await runBench({
      embedded: true, X: ['batching=rebatch', 'linger.ms=200'],
      records: '2000', rate: '2000', recordSize: '100', batchSize: '100', warmUp: '1'
    })
    assert.equal(status, exitCodes.ok, stderr)
    assert.match(stdout, /^2000 records sent.*\n.*\n2000 records sent/m)
  })

  test('refuses to guess which clusters are meant', async () => {
    const some = 'localhost:1'
    for (const options of [
      {}, { embedded: true, kafka: true }, { source: some }, { embedded: true, flow: 'A->B' },
      { embedded: true, source: some, target: some }
    ]) {
      const { status, stderr } = await runBench(options)
      assert.equal(status, exitCodes.usage, JSON.stringify(options))
      assert.match(stderr, /^error: .*--/)
    }
  })

  test('names the file that it cannot read', async () => {
    const { status, stderr } = await runBench({ config: '/no/such/file.properties' })
    assert.equal(status, exitCodes.usage)
    assert.match(stderr, /no\/such\/file\.properties/)
  })
})
