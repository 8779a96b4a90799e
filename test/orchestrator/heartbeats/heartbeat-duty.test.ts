// The heartbeats of one pair: the duty creates the topic if it is missing, writes a record at each
// run, and reports refusals with the way out.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OutgoingRecord } from '../../../src/orchestrator/cluster/topic-writer.ts'
import type { HeartbeatPair } from '../../../src/orchestrator/config/config.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  checkHeartbeats, heartbeatDuty
} from '../../../src/orchestrator/heartbeats/heartbeat-duty.ts'
import { decodeHeartbeat } from '../../../src/orchestrator/mirror-maker/internal-records.ts'
import { FakeCluster } from '../flow/fake-cluster.ts'
import { ManualClock } from '../time/manual-clock.ts'

const pair: HeartbeatPair = {
  source: 'east', target: 'west', aliases: { source: 'prod', target: 'dr' }, side: 'target',
  intervalMs: 1_000, replicationFactor: 3
}

function createDuty () {
  const cluster = new FakeCluster()
  const clock = new ManualClock()
  const written: OutgoingRecord[] = []
  const events: string[] = []
  const state: { writeError?: ReplicatorError, isHanging?: boolean, closeMs?: number } = {}
  const duty = heartbeatDuty({
    pair,
    slot: 0,
    admin: cluster.admin(),
    openWriter: () => {
      events.push('opened')
      return {
        write: async (records, signal) => {
          if (state.isHanging === true) await clock.sleep(1_000_000, signal)
          if (state.writeError !== undefined) throw state.writeError
          written.push(...records)
        },
        close: async () => {
          if (state.closeMs !== undefined) await clock.sleep(state.closeMs)
          events.push('closed')
        }
      }
    },
    clock
  })
  const run = async (signal = new AbortController().signal): Promise<void> => {
    await duty.run(0, signal)
  }
  return { clock, cluster, duty, events, run, state, written }
}

const refused = async (run: Promise<void>): Promise<ReplicatorError> => {
  const error: unknown = await run.catch((thrown: unknown) => thrown)
  assert.ok(error instanceof ReplicatorError, String(error))
  return error
}

describe('heartbeats', () => {
  test('are as of MirrorMaker 2: one compacted partition, by the owner of slot 0', async () => {
    const { clock, cluster, duty, run, written } = createDuty()
    await run()
    assert.equal(duty.slot, 0)
    assert.deepEqual(cluster.created, [{
      name: 'heartbeats', partitions: 1, replicationFactor: 3,
      configs: { 'cleanup.policy': 'compact' }
    }])
    const [record] = written
    assert.ok(record?.value)
    assert.equal(record.partition, 0)
    assert.deepEqual(decodeHeartbeat({ key: record.key, value: record.value }),
      { sourceAlias: 'prod', targetAlias: 'dr', timestampMs: clock.now() })
  })

  test('are written to a topic that exists already', async () => {
    const { cluster, run, written } = createDuty()
    cluster.addTopic('heartbeats', 4)
    await run()
    await run()
    assert.deepEqual(cluster.created, [])
    assert.equal(written.length, 2)
  })

  test('continue when another process has created the topic meanwhile', async () => {
    const { cluster, run, written } = createDuty()
    cluster.createError = new ReplicatorError('TOPIC_ALREADY_EXISTS', 'topic heartbeats')
    await run()
    assert.equal(written.length, 1)
  })

  // The writer alone would fail for ever: its client never creates a topic.
  test('recreate the topic after it was deleted', async () => {
    const { cluster, run, state } = createDuty()
    await run()
    cluster.topics.delete('heartbeats')
    state.writeError = new ReplicatorError('UNKNOWN_TOPIC_OR_PARTITION', 'heartbeats-0')
    const { cluster: alias, retriable } = await refused(run())
    assert.deepEqual([alias, retriable], ['west', true])
    delete state.writeError
    await run()
    assert.equal(cluster.created.length, 2)
  })

  test('name the setting to lower on a cluster with fewer brokers', async () => {
    const { cluster, run } = createDuty()
    cluster.createError = new ReplicatorError('INVALID_REPLICATION_FACTOR', 'topic heartbeats')
    const { cluster: alias, message, retriable, setting } = await refused(run())
    assert.deepEqual([alias, retriable, setting],
      ['west', false, 'heartbeats.topic.replication.factor'])
    assert.match(message, /topics are mirrored all the same: east->west, to the topic heartbeats/)
    assert.match(message, /Lower heartbeats\.topic\.replication\.factor=3 to the number of brok/)
    assert.match(message, /or set east->west\.emit\.heartbeats\.enabled=false to write none/)
  })

  test('name all missing permissions together', async () => {
    const { cluster, run, state } = createDuty()
    const unauthorized = new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', 'topic heartbeats')
    const grant = /Grant CREATE and WRITE on topic heartbeats to the principal of cluster west, or/
    cluster.createError = unauthorized
    assert.match((await refused(run())).message, grant)
    cluster.createError = undefined
    state.writeError = unauthorized
    assert.match((await refused(run())).message, grant)
  })

  test('end with their slot at once, also while the cluster hangs, and begin again', async () => {
    const { duty, events, run, state, written } = createDuty()
    state.isHanging = true
    const stopping = new AbortController()
    const running = run(stopping.signal)
    const ended = assert.rejects(running, { name: 'AbortError' })
    await new Promise(resolve => { setImmediate(resolve) })
    stopping.abort()
    await ended
    await duty.end?.(0)
    assert.deepEqual(events, ['opened', 'closed'])
    state.isHanging = false
    await run()
    assert.deepEqual(events, ['opened', 'closed', 'opened'])
    assert.equal(written.length, 1)
  })
  // The slot is released to another process, which a hanging cluster must not delay.
  test('end even if the client does not close', async () => {
    const { clock, duty, events, run, state } = createDuty()
    await run()
    state.closeMs = 60_000
    const order: string[] = []
    const ended = duty.end?.(0).then(() => { order.push('ended') })
    await clock.advance(1_000)
    await ended
    assert.deepEqual([...order, ...events], ['ended', 'opened'])
    await clock.advance(60_000)
    assert.deepEqual(events, ['opened', 'closed'])
  })

  test('are checked without a change, for validate', async () => {
    const { cluster } = createDuty()
    assert.equal(await checkHeartbeats(pair, cluster.admin()), undefined)
    cluster.topics.delete('heartbeats')
    cluster.createError = new ReplicatorError('INVALID_REPLICATION_FACTOR', 'topic heartbeats')
    const error = await checkHeartbeats(pair, cluster.admin())
    assert.equal(error?.setting, 'heartbeats.topic.replication.factor')
    cluster.addTopic('heartbeats', 1)
    assert.equal(await checkHeartbeats(pair, cluster.admin()), undefined)
  })
})
