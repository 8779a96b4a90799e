// `longhaul demo` from end to end on embedded clusters: its success, and the damage that it must
// find.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import rdkafka from 'node-rdkafka'
import { demo, type DemoHooks, type DemoOptions } from '../../src/orchestrator/cli/demo.ts'
import { exitCodes } from '../../src/orchestrator/cli/exit-codes.ts'
import type { DemoReport } from '../../src/demo/demo-report.ts'
import type { FlowEnd } from '../../src/orchestrator/config/config.ts'
import { connect, disconnect } from '../../src/orchestrator/cluster/kafka-client.ts'
import { systemClock } from '../../src/orchestrator/time/clock.ts'

type Flags = Partial<DemoOptions> & Readonly<Record<string, unknown>>

const records = 20_000
const small: Flags = { records: String(records), recordBytes: '256', lanes: '1' }

async function runDemo (flags: Flags, hooks: DemoHooks = {}, stopped = new AbortController()) {
  const written = { stdout: '', stderr: '' }
  const status = await demo({ X: [], output: 'json', ...flags }, {
    stdout: { write: text => { written.stdout += text } },
    stderr: { write: text => { written.stderr += text } },
    environment: {},
    clock: systemClock,
    stopped: stopped.signal,
    onHangUp: () => {}
  }, hooks)
  return { status, ...written }
}

/** Appends a record to a remote topic that the mirror never wrote. */
async function appendRecord (target: FlowEnd, topic: string, partition: number): Promise<void> {
  const producer = new rdkafka.Producer({ ...target.admin.properties }, {})
  await connect(producer, 5_000)
  producer.setPollInterval(10)
  producer.produce(topic, partition, Buffer.from('not of the source'))
  await new Promise<void>(resolve => { producer.flush(5_000, () => { resolve() }) })
  await disconnect(producer)
}

// At the same time: a demo waits for its embedded clusters most of the time.
describe('longhaul demo', { concurrency: true }, () => {
  test('mirrors every record with its payload bytes and reports it in JSON', async () => {
    const { status, stderr, stdout } = await runDemo(small)
    assert.equal(status, exitCodes.ok, stderr)
    const { check, matched, summary } = JSON.parse(stdout) as DemoReport
    assert.equal(matched, true)
    assert.equal(check.recordsWritten, records)
    assert.equal(check.recordsChecked, records)
    assert.equal(check.differences, 0)
    const [flow] = summary.flows
    assert.equal(flow?.records, records)
    // The embedded brokers lack requests of real ones: no warning may appear.
    assert.deepEqual(flow?.errors, {})
    assert.equal(flow?.batchesPassedThrough, flow?.batches)
    // Two independent counts.
    assert.equal(check.payloads?.kept, flow?.batchesPassedThrough)
    assert.equal(check.payloads?.batches, flow?.batches)
    assert.ok((check.payloads?.keptByCodec.lz4 ?? 0) > 0)
    assert.ok((check.payloads?.keptByCodec.none ?? 0) > 0)
    assert.ok((flow?.megabytesPerSecond ?? 0) > 0 && (summary.cpuSecondsPerGB ?? 0) > 0)
  })

  test('fails and names the offset if the target has another record', async () => {
    const { status, stdout } = await runDemo({ ...small, output: 'table' }, {
      beforeCheck: async target => { await appendRecord(target, 'west.clicks', 1) }
    })
    assert.equal(status, exitCodes.failed)
    assert.match(stdout, /west\.clicks-1 offset \d+: a record too many: \d+ were written/)
    assert.match(stdout, /^FAILED/m)
  })

  test('ends without a check when it is stopped, and reports it', async () => {
    const stopped = new AbortController()
    const run = runDemo({ ...small, seconds: '60' }, {}, stopped)
    setTimeout(() => { stopped.abort() }, 4_000)
    const { status, stdout } = await run
    assert.equal(status, exitCodes.failed)
    const { check, matched } = JSON.parse(stdout) as DemoReport
    assert.equal(matched, false)
    assert.match(check.incomplete ?? '', /^stopped before/)
    assert.equal(check.differences, 0)
  })

  test('refuses options that contradict each other', async () => {
    const refused = async (flags: Flags): Promise<string> => {
      const { status, stderr } = await runDemo(flags)
      assert.equal(status, exitCodes.usage)
      return stderr
    }
    assert.match(await refused({ records: 'many' }), /--records <count>: many is not of 1 to/)
    assert.match(await refused({ source: '127.0.0.1:1' }), /use --source and --target together/)
    assert.match(await refused({ lanes: '0' }), /lanes/)
  })

  test('names the programs that real brokers need', async () => {
    const { status, stderr } = await runDemo({ kafkaLibs: '/nowhere' })
    assert.equal(status, exitCodes.notStarted)
    assert.match(stderr, /\/nowhere holds no kafka-server jar/)
  })
})
