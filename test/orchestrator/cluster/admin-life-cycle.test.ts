// Every method of the native admin client in every state, and the end of a thread or of the process
// at every stage: nothing hangs, nothing crashes, and a closed client reports that it is closed.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, test, type TestContext } from 'node:test'
import {
  openAdmin, openMockCluster, type MockCluster, type NativeAdmin
} from '../../../src/dataplane/index.ts'
import { errorTable } from '../../../src/orchestrator/errors/error-table.ts'
import { eventually } from '../../kafka/eventually.ts'
import { exitStages, exitWays } from './admin-exit-program.ts'

const closed = { code: errorTable.CLOSED.code }
// The limit in kafka/admin.h.
const callsAtOnce = 4
const callsWaitingMax = 256
// Brokers here answer after a minute: a call that waits for an answer exceeds this by far.
const closesSoonMs = 30_000

function createAdmin (t: TestContext, bootstrapServers = '127.0.0.1:1'): NativeAdmin {
  const admin = openAdmin({ 'bootstrap.servers': bootstrapServers })
  t.after(async () => { await admin.close() })
  return admin
}

function createMock (t: TestContext, brokers = 1): MockCluster {
  const cluster = openMockCluster({ brokers, topics: [] })
  t.after(() => { cluster.close() })
  return cluster
}

async function inTime<Result> (promise: Promise<Result>): Promise<Result> {
  const started = performance.now()
  const result = await promise
  assert.ok(performance.now() - started < closesSoonMs)
  return result
}

describe('a fresh client', () => {
  test('accepts calls', async t => {
    const admin = createAdmin(t, createMock(t).bootstrapServers())
    assert.ok(await admin.call('describeCluster', {}, 10_000))
  })

  test('closes, any number of times and at once', async t => {
    const admin = createAdmin(t)
    await inTime(Promise.all([admin.close(), admin.close()]))
    await admin.close()
  })

  test('may be forgotten without being closed', () => {
    for (let index = 0; index < 5; index++) openAdmin({ 'bootstrap.servers': '127.0.0.1:1' })
  })
})

describe('a client in a call', { concurrency: true }, () => {
  const blocking = ['describeCluster', 'listTopics', 'initProducerId']
  for (const name of blocking) {
    test(`closes during ${name}: the call and waiting calls end as closed`, async t => {
      const cluster = createMock(t)
      cluster.setBrokerRoundTrip({ broker: -1, milliseconds: 60_000 })
      const admin = createAdmin(t, cluster.bootstrapServers())
      const calls = [admin.call(name, {}, 60_000), admin.call('describeCluster', {}, 60_000)]
      const ended = Promise.all(calls.map(async call => { await assert.rejects(call, closed) }))
      await new Promise(resolve => { setTimeout(resolve, 300) })
      await inTime(admin.close())
      await ended
    })
  }

  // Regression: calls ran one at a time, so a call that waited a minute for a dead broker (a
  // description of groups, a listing of topics) delayed the calls for progress, offsets and topics
  // of the same cluster.
  test('does not delay the calls after it', async t => {
    const cluster = createMock(t, 2)
    cluster.setBrokerRoundTrip({ broker: 2, milliseconds: 60_000 })
    const admin = createAdmin(t, cluster.bootstrapServers())
    const ended: string[] = []
    // Asks every broker for its groups, and waits three seconds for the slow broker.
    const slow = admin.call('describeGroups', { names: ['g'] }, 60_000).catch(() => {})
      .then(() => { ended.push('slow') })
    const quick = admin.call('describeCluster', {}, 60_000).then(() => { ended.push('quick') })
    await Promise.all([slow, quick])
    assert.deepEqual(ended, ['quick', 'slow'])
  })

  test('accepts 256 more and refuses the one after them at once', async t => {
    const cluster = createMock(t)
    cluster.setBrokerRoundTrip({ broker: -1, milliseconds: 60_000 })
    const admin = createAdmin(t, cluster.bootstrapServers())
    const count = callsAtOnce + callsWaitingMax + 1
    const codes: number[] = []
    const calls = Array.from({ length: count }, async () => {
      await admin.call('describeCluster', {}, 60_000)
        .catch((error: unknown) => { codes.push((error as { code: number }).code) })
    })
    // Calls that began meanwhile have ended, so that others may begin.
    await eventually('a refused call', () => codes.length > 0)
    const refused = codes.length
    assert.ok(refused <= callsAtOnce + 1, `${refused} calls are refused`)
    await inTime(admin.close())
    await Promise.all(calls)
    assert.deepEqual(codes, [
      ...Array.from({ length: refused }, () => errorTable._QUEUE_FULL.code),
      ...Array.from({ length: count - refused }, () => closed.code)
    ])
  })

  // Regression: only the threads that run calls looked at the time of those that wait. When a whole
  // cluster hung, four calls with a minute each kept the short call of the probe from ending, and
  // /readyz did not report the cluster.
  test('lets a call time out that waits for others with more time', async t => {
    const cluster = createMock(t)
    cluster.setBrokerRoundTrip({ broker: -1, milliseconds: 60_000 })
    const admin = createAdmin(t, cluster.bootstrapServers())
    let ended = 0
    for (let each = 0; each < callsAtOnce; each++) {
      void admin.call('describeCluster', {}, 60_000).catch(() => {}).finally(() => { ended++ })
    }
    await assert.rejects(admin.call('describeCluster', {}, 500), {
      code: errorTable.TIMED_OUT.code
    })
    assert.equal(ended, 0)
  })

  test('lets a call that waited too long behind others time out', async t => {
    const cluster = createMock(t)
    cluster.setBrokerRoundTrip({ broker: -1, milliseconds: 60_000 })
    const admin = createAdmin(t, cluster.bootstrapServers())
    const calls = [admin.call('describeCluster', {}, 500), admin.call('describeCluster', {}, 400)]
    for (const end of await Promise.allSettled(calls)) {
      assert.equal(end.status, 'rejected')
      assert.equal((end.reason as { code: number }).code, errorTable.TIMED_OUT.code)
    }
  })
})

describe('a closed client', () => {
  test('refuses calls as closed, whatever their arguments', async t => {
    const admin = createAdmin(t)
    await admin.close()
    await assert.rejects(admin.call('describeCluster', {}, 1_000), closed)
    await assert.rejects(admin.call('no such call', {}, -1), closed)
  })

  test('closes again', async t => {
    const admin = createAdmin(t)
    await admin.close()
    await admin.close()
  })
})

describe('wrong arguments', () => {
  const throwing = { get names (): string[] { throw new Error('boom') } }
  const deep = { a: { a: { a: { a: { a: { a: { a: { a: { a: 1 } } } } } } } } }
  const rows: ReadonlyArray<[what: string, name: string, args: object, timeoutMs: number]> = [
    ['an unknown call', 'no such call', {}, 1_000],
    ['a timeout of 0', 'describeCluster', {}, 0],
    ['a timeout that is no integer', 'describeCluster', {}, 1.5],
    ['a missing argument', 'describeTopics', {}, 1_000],
    ['an argument of another type', 'describeTopics', { names: [1] }, 1_000],
    ['a NUL in a name', 'describeTopics', { names: ['a\0b'] }, 1_000],
    ['a fraction', 'listOffsets', { partitions: [{ topic: 't', partition: 0.5 }] }, 1_000],
    ['a BigInt of more than 64 bits', 'describeTopics', { names: [2n ** 64n] }, 1_000],
    ['a function', 'describeTopics', { names: () => {} }, 1_000],
    ['a getter that throws', 'describeTopics', throwing, 1_000],
    ['a tree that is too deep', 'describeTopics', deep, 1_000]
  ]
  for (const [what, name, args, timeoutMs] of rows) {
    test(`are refused: ${what}`, async t => {
      const admin = createAdmin(t, createMock(t).bootstrapServers())
      await assert.rejects(admin.call(name, args, timeoutMs),
        { code: errorTable.INVALID_ARGUMENT.code })
      assert.ok(await admin.call('describeCluster', {}, 10_000))
    })
  }
})

describe('the process ends well', { concurrency: 4 }, () => {
  const program = fileURLToPath(new URL('./admin-exit-program.js', import.meta.url))
  for (const way of exitWays) {
    for (const stage of exitStages) {
      test(`by ${way} with a client that is ${stage}`, async () => {
        const end = await new Promise<string>(resolve => {
          execFile(process.execPath, ['--expose-gc', program, way, stage], { timeout: 20_000 },
            (error, stdout, stderr) => {
              resolve(error === null ? stdout.trim() : `${error.message} ${error.signal} ${stderr}`)
            })
        })
        assert.equal(end, 'ended')
      })
    }
  }
})
