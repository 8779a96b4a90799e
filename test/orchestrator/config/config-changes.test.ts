// The changes of a file that was read again, and which of them a running flow can adopt.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  compareConfigs, type ConfigChanges
} from '../../../src/orchestrator/config/config-changes.ts'
import { createConfig, parseConfigOf, twoClusters } from './create-config.ts'

function changes (before: readonly string[], after: readonly string[]): ConfigChanges {
  return compareConfigs(createConfig(before), createConfig(after))
}

/** The lines of the one flow that changes, and whether the flow adopts them. */
function changed (before: readonly string[], after: readonly string[]): object {
  const { added, changed, needRestart, process, removed } = changes(before, after)
  assert.deepEqual([added, needRestart, process, removed], [[], [], [], []])
  return changed.map(({ isLive, lines }) => ({ isLive, lines }))
}

test('a file with the same meaning changes nothing', () => {
  assert.deepEqual(changed(['topics=a,b'], ['A->B.topics = a, b', '# a remark', 'lanes=2']), [])
})

test('a running flow adopts other filters', () => {
  assert.deepEqual(changed(['topics=a'], ['topics=a,b', 'topics.exclude=c']), [{
    isLive: true,
    lines: ['topics: a -> a, b', 'topics.exclude: mm2.*\\.internal, .*\\.replica, __.* -> c']
  }])
})

test('a running flow adopts other groups and other intervals', () => {
  for (const [setting, line] of [
    ['groups=app', 'groups: .* -> app'],
    ['groups.exclude=x', 'groups.exclude: console-consumer-.*, connect-.*, __.* -> x'],
    ['progress.interval.ms=2000', 'progress.interval.ms: 1s -> 2s'],
    ['refresh.topics.interval.seconds=7', 'refresh.topics.interval.seconds: 600 -> 7'],
    ['refresh.groups.interval.seconds=-1', 'refresh.groups.enabled: true -> false'],
    ['sync.group.offsets.interval.seconds=7', 'sync.group.offsets.interval.seconds: 5 -> 7']
  ] as const) {
    assert.deepEqual(changed([], [setting]), [{ isLive: true, lines: [line] }])
  }
})

test('an interval that switches its work on or off has the flow started again', () => {
  for (const [before, after] of [['5', '-1'], ['-1', '0']]) {
    const setting = 'emit.checkpoints.interval.seconds'
    assert.deepEqual(changed([`${setting}=${before}`], [`${setting}=${after}`]),
      [{ isLive: false, lines: [`${setting}: ${before} -> ${after}`] }])
  }
})

test('every other setting of a flow restarts it', () => {
  const cases: ReadonlyArray<readonly [string, string]> = [
    ['lanes=3', 'lanes: 2 -> 3'],
    ['session.timeout.ms=20000', 'session.timeout.ms: 10s -> 20s'],
    ['A->B.topic.orders.data.loss=skip', 'topic.orders: (not set) -> data.loss=skip'],
    ['B->A.emit.heartbeats.enabled=false',
      'heartbeats of other pairs: B->A (each 1 s, factor 3) -> none'],
    ['B->A.heartbeats.topic.replication.factor=1', 'heartbeats of other pairs: ' +
      'B->A (each 1 s, factor 3) -> B->A (each 1 s, factor 1)'],
    ['A.bootstrap.servers=a9:9092', 'A.bootstrap.servers'],
    ['B.ssl.key.password=secret', 'B.ssl.key.password']
  ]
  for (const [setting, line] of cases) {
    assert.deepEqual(changed([], [setting]), [{ isLive: false, lines: [line] }])
    assert.deepEqual(changed([], ['topics=a', setting]),
      [{ isLive: false, lines: ['topics: .* -> a', line] }])
  }
})

test('values of clients are not shown: they may be secret', () => {
  assert.doesNotMatch(JSON.stringify(changed(
    ['B.sasl.password=former-secret'], ['B.sasl.password=later-secret'])), /-secret/)
})

test('flows are added and removed, and the others adopt the prefixes that mean a cycle', () => {
  const quiet = [...twoClusters, 'B->A.emit.heartbeats.enabled=false']
  const one = parseConfigOf(quiet)
  const both = parseConfigOf([...quiet, 'B->A.enabled=true'])
  const more = compareConfigs(one, both)
  assert.deepEqual(more.added.map(({ name }) => name), ['B->A'])
  assert.deepEqual(more.changed.map(({ config, isLive, lines }) => [config.name, isLive, lines]),
    [['A->B', true, []]])
  assert.deepEqual(compareConfigs(both, one).removed, ['B->A'])
})

// The flow A->B wrote the heartbeats of B->A as long as that pair was not a flow.
test('a flow that writes heartbeats of other pairs than before is restarted', () => {
  const one = parseConfigOf(twoClusters)
  const both = parseConfigOf([...twoClusters, 'B->A.enabled=true'])
  assert.deepEqual(compareConfigs(one, both).changed.map(({ isLive, lines }) => [isLive, lines]),
    [[false, ['heartbeats of other pairs: B->A (each 1 s, factor 3) -> none']]])
})

test('settings of the process that are read only at its start are named', () => {
  const { needRestart, process } =
    changes([], ['log.level=debug', 'drain.timeout.ms=1000', 'metrics.port=1', 'log.format=json'])
  assert.deepEqual(needRestart, ['metrics.port', 'log.format'])
  assert.deepEqual(process, ['metrics.port: 9584 -> 1', 'log.level: info -> debug',
    'log.format: auto -> json', 'drain.timeout.ms: 20s -> 1s'])
})
