// Group offsets from cluster to cluster, run after run: the requests, the committed offsets, and
// the reports of refusals.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { groupOffsetDuty } from '../../../src/orchestrator/groups/group-duties.ts'
import { GroupPositions } from '../../../src/orchestrator/groups/group-positions.ts'
import type { LogFields } from '../../../src/orchestrator/observability/log.ts'
import { silentLog } from '../../../src/orchestrator/observability/log.ts'
import { emptyMap, exactSpan, withSpan } from '../../../src/orchestrator/offsets/offset-map.ts'
import { partitionKey } from '../../../src/orchestrator/progress/progress.ts'
import { createFlow } from '../config/create-config.ts'
import { ManualClock } from '../time/manual-clock.ts'
import { GroupsCluster } from './groups-cluster.ts'

/** Twenty records of orders-0 are mirrored to A.orders-0, at offsets that are ten greater. */
function createSync (...lines: string[]) {
  const [source, target] = [new GroupsCluster(), new GroupsCluster()]
  const flow = createFlow(['A->B.topics = orders', ...lines])
  const clock = new ManualClock()
  const start = { upstream: 0n, downstream: 10n }
  const progress = {
    upstream: 20n,
    downstream: 30n,
    sequence: 20,
    offsets: withSpan(emptyMap(start, true), exactSpan(0n, 10n, 20n))
  }
  const live = { filter: flow.groups }
  const asked: string[] = []
  const refused: ReplicatorError[] = []
  const logged: string[] = []
  const shown: Array<readonly string[]> = []
  target.ends.set('A.orders/0', 30n)
  const duty = groupOffsetDuty({
    positions: new GroupPositions({
      source: source.admin(),
      filter: () => live.filter,
      selection: () => flow.topics,
      progressOf: async partitions => {
        asked.push(...partitions.map(partitionKey))
        return new Map([['orders/0', progress]])
      },
      refreshMs: () => 60_000,
      withRefinement: async () => {},
      onRead: positions => { shown.push(positions.map(({ group }) => group)) },
      clock
    }),
    target: target.admin(),
    slot: 0,
    intervalMs: 5_000,
    onRefused: error => { refused.push(error) },
    log: {
      ...silentLog, info: (_fields: LogFields, text: string) => { logged.push(text) }
    }
  })
  const run = async (): Promise<void> => { await duty.run(0, new AbortController().signal) }
  return { asked, clock, live, logged, refused, run, shown, source, target }
}

describe('group offset sync', () => {
  test('commits the offsets of a group, and again only after the group has moved', async () => {
    const { asked, run, source, target } = createSync()
    source.commit('app', 'orders', 0, 5n)
    source.commit('app', 'not-mirrored', 0, 5n)
    await run()
    assert.equal(target.offsetOf('app', 'A.orders', 0), 15n)
    assert.deepEqual(asked, ['orders/0'])
    await run()
    source.commit('app', 'orders', 0, 3n)
    await run()
    assert.equal(target.offsetOf('app', 'A.orders', 0), 15n)
    source.commit('app', 'orders', 0, 7n)
    await run()
    assert.equal(target.offsetOf('app', 'A.orders', 0), 17n)
    assert.equal(target.requests.filter(request => request === 'commit of app').length, 2)
  })

  // Regression: a reading without groups was not shown. The page said that the process which reads
  // the groups does not answer, and groups that were deleted stayed in sight.
  test('shows each reading, also one without groups, and not a failed one', async () => {
    const { clock, run, shown, source } = createSync()
    await run()
    source.commit('app', 'orders', 0, 5n)
    await clock.advance(60_000)
    await run()
    source.groups.clear()
    await clock.advance(60_000)
    await run()
    assert.deepEqual(shown, [[], ['app'], []])
    source.listError = new ReplicatorError('TIMED_OUT', 'a broker')
    await clock.advance(60_000)
    await run()
    assert.deepEqual(shown.length, 3)
  })

  test('leaves out excluded groups, of Connect, and with members on the target', async () => {
    const { run, source, target } = createSync('A->B.groups.exclude = secret')
    source.group('connector', 'Stable', 'connect')
    for (const name of ['app', 'secret', 'connector', 'moved']) source.commit(name, 'orders', 0, 5n)
    target.group('moved', 'Stable')
    await run()
    assert.deepEqual(target.requests, ['list', 'offsets of app', 'commit of app'])
  })

  // A group of Kafka Streams that has the protocol of KIP-1071 was left out without a word.
  test('moves streams groups, and names share groups once', async () => {
    const { logged, refused, run, source, target } = createSync('A->B.groups.exclude = secret.*')
    source.group('application', 'Stable', 'streams')
    for (const name of ['queue', 'secret-queue']) source.group(name, 'Stable', 'share')
    for (const name of ['application', 'queue']) source.commit(name, 'orders', 0, 5n)
    await run()
    await run()
    assert.equal(target.offsetOf('application', 'A.orders', 0), 15n)
    assert.equal(target.offsetOf('queue', 'A.orders', 0), undefined)
    assert.equal(logged.length, 1)
    assert.match(logged[0] ?? '', /share groups are not moved .*\(queue\)$/)
    assert.deepEqual(refused, [])
  })

  test('lists the groups again at once for another filter', async () => {
    const { live, run, source, target } = createSync('A->B.groups = app')
    for (const name of ['app', 'later']) source.commit(name, 'orders', 0, 5n)
    await run()
    await run()
    assert.equal(target.offsetOf('later', 'A.orders', 0), undefined)
    live.filter = createFlow(['A->B.groups = later']).groups
    source.commit('app', 'orders', 0, 7n)
    await run()
    assert.equal(target.offsetOf('later', 'A.orders', 0), 15n)
    assert.equal(target.offsetOf('app', 'A.orders', 0), 15n, 'it takes part no longer')
    assert.equal(source.requests.filter(request => request === 'list').length, 2)
  })

  // A member may join between the listing and the commit: the coordinator refuses the commit.
  test('reports nothing about a group that a consumer joins meanwhile', async () => {
    const { refused, run, source, target } = createSync()
    source.commit('app', 'orders', 0, 5n)
    target.group('app').state = 'Empty'
    const { listGroups } = target
    target.listGroups = async () => {
      const listed = await listGroups.call(target)
      target.group('app').state = 'Stable'
      return listed
    }
    await run()
    assert.equal(target.offsetOf('app', 'A.orders', 0), undefined)
    assert.deepEqual(refused, [])
  })

  test('commits no offset that the target has since lost', async () => {
    const { run, source, target } = createSync()
    source.commit('app', 'orders', 0, 5n)
    target.ends.set('A.orders/0', 14n)
    await run()
    assert.equal(target.offsetOf('app', 'A.orders', 0), undefined)
  })

  test('reports a refusal once, with the permission, and moves the other groups', async () => {
    const { refused, run, source, target } = createSync()
    for (const name of ['app', 'closed', 'hidden', 'hidden-too']) {
      source.commit(name, 'orders', 0, 5n)
    }
    source.group('hidden').refusal = 'GROUP_AUTHORIZATION_FAILED'
    source.group('hidden-too').refusal = 'GROUP_AUTHORIZATION_FAILED'
    target.group('closed').refusal = 'GROUP_AUTHORIZATION_FAILED'
    await run()
    await run()
    assert.equal(target.offsetOf('app', 'A.orders', 0), 15n)
    assert.deepEqual(refused.map(({ errorName, detail }) => `${errorName}: ${detail}`), [
      'GROUP_OFFSETS_UNREADABLE: group hidden (and 1 other groups)',
      'GROUP_OFFSET_SYNC_FAILED: group closed'
    ])
    assert.match(refused[1]?.action ?? '', /Grant READ .*leave the group out with groups\.exclude$/)
  })

  test('finds new groups at the next listing, and keeps groups of a silent broker', async () => {
    const { clock, refused, run, source, target } = createSync()
    source.commit('app', 'orders', 0, 5n)
    await run()
    source.commit('new', 'orders', 0, 6n)
    await run()
    assert.equal(target.offsetOf('new', 'A.orders', 0), undefined)
    await clock.advance(60_000)
    await run()
    assert.equal(target.offsetOf('new', 'A.orders', 0), 16n)
    await clock.advance(60_000)
    source.commit('app', 'orders', 0, 9n)
    source.listError = new ReplicatorError('_TRANSPORT', 'broker 2')
    const { listGroups } = source
    source.listGroups = async () => ({ ...await listGroups.call(source), groups: [] })
    await run()
    assert.equal(target.offsetOf('app', 'A.orders', 0), 19n)
    assert.deepEqual(refused.map(({ errorName }) => errorName), ['_TRANSPORT'])
  })
})
