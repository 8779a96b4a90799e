// One producer id for each flow, whichever process starts first, and the source cluster that it
// belongs to.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  agreedOf, agreeOnProducer, checkSourceCluster, keepCarried, type AgreementOptions
} from '../../../src/orchestrator/progress/producer-agreement.ts'
import type { FlowProducer } from '../../../src/orchestrator/progress/progress-record.ts'
import { restoreSlots, type SlotRecord } from '../../../src/orchestrator/progress/progress-store.ts'
import { isIdempotent, noProducer } from '../../../src/orchestrator/progress/progress.ts'
import { FakeCluster, FakeProgressStore } from '../flow/fake-cluster.ts'
import { agreementOptions, topic } from './agreement-options.ts'

function createAgreement (more: Partial<AgreementOptions> = {}): {
  readonly store: FakeProgressStore
  readonly options: AgreementOptions
  readonly warnings: ReplicatorError[]
} {
  const cluster = new FakeCluster()
  cluster.topics.set(topic, 4)
  const store = new FakeProgressStore()
  const warnings: ReplicatorError[] = []
  const options = {
    ...agreementOptions(cluster, store, error => { warnings.push(error) }), ...more
  }
  return { store, options, warnings }
}

function producerRecord (producerId: bigint, more: Partial<FlowProducer> = {}): SlotRecord {
  const producer = { producerId, producerEpoch: 0, ...more }
  return { slot: 0, record: { kind: 'producer', producer } }
}

function partitionRecord (slot: number, upstream: bigint, producerId: bigint): SlotRecord {
  const progress = { upstream, downstream: upstream, sequence: Number(upstream) }
  const source = { topic: 'orders', partition: slot }
  return { slot, record: { kind: 'partition', source, progress, producerId } }
}

const isNamed = (name: string) => (error: ReplicatorError): boolean => error.errorName === name

describe('the producer id of a flow (invariant A)', () => {
  test('is allocated once and found again', async () => {
    const { options, store } = createAgreement()
    const first = await agreeOnProducer(options)
    assert.deepEqual(await agreeOnProducer(options), first)
    assert.equal(first.producerId, 1000n)
    assert.equal(store.written.length, 1)
  })

  test('is the one written first, when another process writes one at the same time', async () => {
    const { options, store } = createAgreement()
    store.beforeWrite = () => {
      store.beforeWrite = () => {}
      store.append(producerRecord(77n, { sourceClusterId: 'cluster-1' }))
    }
    assert.equal((await agreeOnProducer(options)).producerId, 77n)
    // Compaction keeps the newest record: it must name the same id.
    assert.deepEqual(store.written.at(-1), producerRecord(77n, { sourceClusterId: 'cluster-1' }))
  })

  // A later process that could have an id keeps the recorded choice: the positions depend on it.
  test('is none if the target has no idempotent producers, which is recorded', async () => {
    const { options, store } = createAgreement()
    const refusal = new ReplicatorError('_UNSUPPORTED_FEATURE', 'initProducerId')
    const target = { ...options.target, initProducerId: async () => { throw refusal } }
    assert.deepEqual(await agreeOnProducer({ ...options, target: target as never }), noProducer)
    assert.equal(isIdempotent(await agreeOnProducer(options)), false)
    assert.deepEqual(store.written, [producerRecord(-1n, { sourceClusterId: 'cluster-1' })])
  })

  test('is not allocated without the permission, and none is recorded', async () => {
    const { options, store } = createAgreement()
    const refusal = new ReplicatorError('CLUSTER_AUTHORIZATION_FAILED', 'west')
    const target = { ...options.target, initProducerId: async () => { throw refusal } }
    await assert.rejects(agreeOnProducer({ ...options, target: target as never }),
      isNamed('CLUSTER_AUTHORIZATION_FAILED'))
    assert.deepEqual(store.written, [])
  })

  // A process that came second wrote its own id and died before it could write the first id again.
  test('is written again after a later one', async () => {
    const { options, store } = createAgreement()
    const ours = { sourceClusterId: 'cluster-1' }
    store.append(producerRecord(77n, ours), producerRecord(78n, ours))
    assert.equal((await agreeOnProducer(options)).producerId, 77n)
    assert.deepEqual(store.written.at(-1), producerRecord(77n, ours))
    assert.equal((await agreeOnProducer(options)).producerId, 77n)
    assert.equal(store.written.length, 3)
  })

  test('is found in the positions if its own record was lost', async () => {
    const { options, store } = createAgreement()
    store.append(partitionRecord(1, 5n, 6n), partitionRecord(2, 5n, 7n), partitionRecord(3, 5n, 7n))
    assert.equal((await agreeOnProducer(options)).producerId, 7n)
  })

  // A running process has it in memory: with another id this process would count from 0.
  test('is waited for if running processes had one, and never allocated beside them',
    async () => {
      let looks = 0
      const { options, store } = createAgreement({
        othersRun: async () => {
          if (++looks === 2) store.append(producerRecord(77n))
          return true
        }
      })
      assert.equal((await agreeOnProducer(options)).producerId, 77n)
    })

  test('that they do not write again is an error after a while, not an endless wait', async () => {
    const { options, store } = createAgreement({ othersRun: async () => true, othersMsMax: -1 })
    await assert.rejects(agreeOnProducer(options), isNamed('PROGRESS_UNREADABLE'))
    assert.deepEqual(store.written, [])
  })

  test('is no longer waited for after the flow has ended', async () => {
    const { options } = createAgreement({ othersRun: async () => true })
    const stopping = new AbortController()
    const waiting = agreeOnProducer(options, undefined, stopping.signal)
    stopping.abort(new Error('stopped'))
    await assert.rejects(waiting, /stopped/)
  })
})

describe('the source cluster of a flow', () => {
  test('is recorded with the producer id, also if version 1 left it out', async () => {
    const { options, store } = createAgreement()
    store.append(producerRecord(77n))
    assert.equal((await agreeOnProducer(options)).producerId, 77n)
    assert.deepEqual(store.written.at(-1), producerRecord(77n, { sourceClusterId: 'cluster-1' }))
  })

  // Two deployments with the same aliases and one target would share group and progress, and each
  // would mirror half of its partitions, at lag 0.
  test('that has changed is refused, with both ids, the alias and the way out', async () => {
    const { options, store } = createAgreement()
    store.append(producerRecord(77n, { sourceClusterId: 'cluster-9' }))
    await assert.rejects(agreeOnProducer(options), (error: ReplicatorError) =>
      error.errorName === 'CLUSTER_CHANGED' && error.setting === 'accepted.cluster.id' &&
      ['east', 'cluster-1', 'cluster-9'].every(part => error.message.includes(part)))
    assert.equal(store.written.length, 1)
  })

  test('is that of the first deployment if two start at the same moment', async () => {
    const { options, store } = createAgreement()
    store.beforeWrite = () => {
      store.beforeWrite = () => {}
      store.append(producerRecord(77n, { sourceClusterId: 'cluster-9' }))
    }
    await assert.rejects(agreeOnProducer(options), isNamed('CLUSTER_CHANGED'))
  })

  test('that was rebuilt is accepted by its id, once and with a warning', async () => {
    const { options, store, warnings } = createAgreement({ acceptedClusterId: 'cluster-1' })
    store.append(producerRecord(77n, { sourceClusterId: 'cluster-9' }))
    for (let start = 0; start < 2; start++) {
      assert.equal((await agreeOnProducer(options)).producerId, 77n)
    }
    assert.deepEqual(store.written.slice(1), [producerRecord(77n,
      { sourceClusterId: 'cluster-1', replacesClusterId: 'cluster-9' })])
    assert.deepEqual(warnings.map(({ errorName }) => errorName), ['CLUSTER_ACCEPTED'])
    const old = { ...options, sourceClusterId: 'cluster-9', acceptedClusterId: '' }
    await assert.rejects(agreeOnProducer(old), isNamed('CLUSTER_CHANGED'))
  })

  test('is not compared if a cluster has no id', async () => {
    const { options, store } = createAgreement({ sourceClusterId: null })
    store.append(producerRecord(77n, { sourceClusterId: 'cluster-9' }))
    assert.equal((await agreeOnProducer(options)).producerId, 77n)
    assert.equal(store.written.length, 1)
  })
})

test('compaction never changes the agreement, as long as the newest record has it', () => {
  const record = fc.record({
    producerId: fc.constantFrom(1n, 2n),
    sourceClusterId: fc.constantFrom('a', 'b'),
    replacesClusterId: fc.constantFrom('a', 'b', 'c')
  }, { requiredKeys: ['producerId'], noNullPrototype: true })
  fc.assert(fc.property(fc.array(record, { minLength: 1 }), some => {
    const records = some.map(each => ({ producerEpoch: 0, ...each }))
    const agreed = agreedOf(records)
    assert.ok(agreed !== undefined)
    assert.equal(agreed.producerId, records[0]?.producerId)
    assert.deepEqual(agreedOf([...records, agreed]), agreed)
    assert.deepEqual(agreedOf([agreed]), agreed)
  }))
})

describe('progress of slots', () => {
  const producer = { producerId: 7n, producerEpoch: 0 }

  test('is the newest of the requested slots', async () => {
    const store = new FakeProgressStore()
    store.append(partitionRecord(1, 5n, 7n), partitionRecord(2, 6n, 7n), partitionRecord(1, 9n, 7n))
    const restored = await restoreSlots(store, [1], producer)
    assert.deepEqual([...restored],
      [['orders/1', { upstream: 9n, downstream: 9n, sequence: 9, history: [] }]])
  })

  test('of another producer id is left out: its sequences count other records', async () => {
    const store = new FakeProgressStore()
    store.append(partitionRecord(1, 5n, 6n))
    assert.equal((await restoreSlots(store, [1], producer)).size, 0)
  })
})

test('a check of the source cluster refuses what a start refuses, and writes nothing', async () => {
  const { options, store } = createAgreement()
  await checkSourceCluster(options)
  assert.equal(store.written.length, 0)
  await agreeOnProducer(options)
  const before = store.written.length
  await checkSourceCluster(options)
  await assert.rejects(checkSourceCluster({ ...options, sourceClusterId: 'cluster-2' }),
    isNamed('CLUSTER_CHANGED'))
  assert.equal(store.written.length, before)
})

// Flows out of the target read it: earlier batches are there, whatever the flow does now.
describe('the record of a flow that keeps names', () => {
  const producerOf = (store: FakeProgressStore): FlowProducer | undefined => {
    const { record } = store.written.at(-1) ?? {}
    return record?.kind === 'producer' ? record.producer : undefined
  }

  test('contains that it keeps names from its first version on, and for ever', async () => {
    const { options, store } = createAgreement({ keepsNames: true })
    await agreeOnProducer(options)
    assert.equal(producerOf(store)?.keepsNames, true)
    assert.equal(store.written.length, 1)
    await agreeOnProducer({ ...options, keepsNames: false })
    assert.equal(producerOf(store)?.keepsNames, true)
  })

  test('gets it if an earlier build wrote the record without it', async () => {
    const { options, store } = createAgreement({ keepsNames: false })
    store.append(producerRecord(77n, { sourceClusterId: 'cluster-1' }))
    await agreeOnProducer(options)
    assert.deepEqual(store.written.at(-1),
      producerRecord(77n, { sourceClusterId: 'cluster-1', keepsNames: false }))
    await agreeOnProducer(options)
    assert.equal(store.written.length, 2)
  })

  test('carried clusters only increase, and are written when they do', async () => {
    const { options, store } = createAgreement({ keepsNames: true })
    const identity = await agreeOnProducer(options)
    await keepCarried(options, ['cluster-1'])
    await keepCarried(options, ['cluster-1'])
    assert.equal(store.written.length, 2)
    await keepCarried(options, ['cluster-3', 'cluster-1'])
    await keepCarried(options, ['cluster-2'])
    assert.deepEqual(producerOf(store)?.carried, ['cluster-1', 'cluster-2', 'cluster-3'])
    assert.deepEqual(await agreeOnProducer(options), identity)
    assert.equal(store.written.length, 4)
  })
})
