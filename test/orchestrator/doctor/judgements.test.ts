// What the doctor says about measurements: pure functions, from what was measured to findings.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { judgeBandwidth } from '../../../src/orchestrator/doctor/bandwidth.ts'
import { judgeCertificate } from '../../../src/orchestrator/doctor/certificates.ts'
import { judgeClock } from '../../../src/orchestrator/doctor/clocks.ts'
import {
  judgeDescriptors, neededDescriptors, openFilesLimit
} from '../../../src/orchestrator/doctor/descriptors.ts'
import {
  missingPermissions, topicsIn, type Allowed
} from '../../../src/orchestrator/doctor/permissions.ts'
import { judgeRetention, type TopicRetention } from '../../../src/orchestrator/doctor/retention.ts'
import { judgeRoundTrips, type RoundTrip } from '../../../src/orchestrator/doctor/round-trip.ts'
import {
  bytesPerSecond, judgeCongestion, judgeWindow, largestBuffer, type Window
} from '../../../src/orchestrator/doctor/socket-buffers.ts'
import {
  judgeSettings, type ComparedTopic
} from '../../../src/orchestrator/doctor/topic-settings.ts'
import { judgeVersions } from '../../../src/orchestrator/doctor/versions.ts'
import { neededPermissions, permissionRows } from '../../../src/orchestrator/flow/required-acls.ts'
import { ownTopicsOf } from '../../../src/orchestrator/plan/own-topics.ts'
import { createConfig } from '../config/create-config.ts'

const hour = 3_600_000
const day = 24 * hour

function severitiesOf (findings: ReadonlyArray<{ readonly severity: string }>): readonly string[] {
  return findings.map(({ severity }) => severity)
}

describe('round trips', () => {
  const trip = (side: 'source' | 'target', ms: number | undefined): RoundTrip => ({
    side, cluster: side, broker: 1, ms, problem: ms === undefined ? 'no answer' : undefined
  })

  test('a broker without an answer is a problem', () => {
    const [ok, silent] = judgeRoundTrips([trip('source', 1), trip('target', undefined)])
    assert.deepEqual([ok?.severity, silent?.severity], ['ok', 'problem'])
    assert.match(silent?.about ?? '', /broker 1 of target/)
  })

  test('a mirror that is far from its target and near its source should move', () => {
    assert.deepEqual(severitiesOf(judgeRoundTrips([trip('source', 1), trip('target', 80)])),
      ['ok', 'ok', 'note'])
    assert.deepEqual(severitiesOf(judgeRoundTrips([trip('source', 80), trip('target', 1)])),
      ['ok', 'ok'])
    assert.deepEqual(severitiesOf(judgeRoundTrips([trip('source', 0.1), trip('target', 0.9)])),
      ['ok', 'ok'])
  })
})

test('bandwidth is bytes by time, and a throttle is a warning', () => {
  const measured = {
    topic: 'orders', cluster: 'east', bytes: 4_000_000, elapsedMs: 500, throttleMs: 0,
    roundTripMs: 100, connectionsMax: 16
  }
  const [rate] = judgeBandwidth(measured, 'east')
  assert.match(rate?.measured ?? '', /^8\.00 MB\/s over one connection/)
  assert.match(rate?.advice ?? '', /up to 16 connections/)
  assert.deepEqual(severitiesOf(judgeBandwidth({ ...measured, throttleMs: 300 }, 'east')),
    ['ok', 'warning'])
  assert.match(judgeBandwidth({ ...measured, bytes: 5_000 }, 'east')[0]?.measured ?? '',
    /^not measured: .* 5\.00 kB/)
  assert.match(judgeBandwidth(undefined, 'east')[0]?.measured ?? '', /not measured/)
})

test('a missing request is a problem only where no record is mirrored without it', () => {
  const version = (name: string, version: number) => ({ name, min: 0, max: 3, version })
  const broker = (side: 'source' | 'target', ...versions: ReturnType<typeof version>[]) =>
    ({ side, cluster: side, broker: 7, versions })
  assert.deepEqual(judgeVersions([
    broker('source', version('Fetch', 3), version('Produce', -1)),
    broker('target', version('Produce', -1), version('DescribeProducers', -1))
  ]).map(({ measured, severity }) => `${severity} ${measured.slice(0, 38)}`), [
    'problem does not support Produce v0 to v3',
    'note does not support DescribeProducers v0 '
  ])
})

test('a permission is missing where the broker reports other operations', () => {
  const allowed: Readonly<Record<'source' | 'target', Allowed>> = {
    source: { cluster: undefined, topics: new Map([['orders', ['READ', 'DESCRIBE_CONFIGS']]]) },
    target: {
      cluster: ['DESCRIBE'],
      topics: new Map<string, readonly string[] | undefined>(
        [['east.orders', ['WRITE', 'READ']], ['progress', []], ['old', undefined]])
    }
  }
  const missing = missingPermissions(permissionRows, allowed, (resource, side) => {
    switch (resource) {
      case 'source topics': return ['orders']
      case 'remote topics': return ['east.orders', 'old', 'new']
      case 'progress topic': return side === 'target' ? ['progress'] : []
      default: return []
    }
  })
  assert.deepEqual(missing.map(({ names, operation }) => `${operation} ${names.join()}`), [
    'Alter east.orders', 'DescribeConfigs east.orders', 'AlterConfigs east.orders',
    'Alter cluster', 'Create progress', 'Write progress', 'Read progress',
    'DescribeConfigs progress', 'AlterConfigs progress'
  ])
})

// The topic of the canary was no case of topicsIn(): a permission on it was never missing.
test('each topic that a flow keeps for itself is examined on its cluster', () => {
  const [config] = createConfig(['canary.enabled = true']).flows
  assert.ok(config !== undefined)
  const topicsOf = topicsIn(config, [])
  const examined = new Set(neededPermissions(config).flatMap(({ resource, side }) =>
    topicsOf(resource, side).map(topic => `${side} ${topic}`)))
  const own = ownTopicsOf(config).map(({ side, topic }) => `${side} ${topic}`)
  assert.ok(own.includes('source longhaul-canary.B.internal'), own.join())
  assert.deepEqual([...examined].sort(), own.sort())
})

test('a clock counts as wrong only beyond the doubt of the measurement', () => {
  const skew = { cluster: 'east', aheadMs: 900, doubtMs: 50, problem: undefined }
  const severity = (change: Partial<Parameters<typeof judgeClock>[0]>) =>
    judgeClock({ ...skew, ...change }).severity
  assert.equal(severity({}), 'ok')
  assert.equal(severity({ aheadMs: -2_000 }), 'note')
  assert.equal(severity({ aheadMs: -2_000, doubtMs: 1_500 }), 'ok')
  assert.equal(severity({ aheadMs: 60_000 }), 'warning')
  assert.match(judgeClock({ ...skew, aheadMs: undefined, problem: 'refused' }).measured, /refused/)
})

describe('retention', () => {
  const topic: TopicRetention = {
    topic: 'orders', cleanupPolicy: 'delete', retentionMs: 7 * day, retentionBytes: -1,
    lostPartitions: [], waitingMs: undefined
  }
  const judge = (change: Partial<TopicRetention>, isChosen = false) =>
    severitiesOf(judgeRetention([{ ...topic, ...change }], { ms: day, isChosen }))

  test('that is shorter than the outage is a warning, and a problem for a chosen outage', () => {
    assert.deepEqual(judge({}), ['ok'])
    assert.deepEqual(judge({ retentionMs: day - 1 }), ['warning'])
    assert.deepEqual(judge({ retentionMs: day - 1 }, true), ['problem'])
    assert.deepEqual(judge({ retentionMs: -1 }, true), ['ok'])
    assert.deepEqual(judge({ retentionMs: hour, cleanupPolicy: 'compact' }, true), ['ok'])
  })

  test('counts the age of the next record to mirror', () => {
    assert.deepEqual(judge({ waitingMs: 5 * day }), ['ok'])
    assert.deepEqual(judge({ waitingMs: 6 * day + hour }), ['problem'])
    assert.deepEqual(judge({ retentionMs: 2 * day, waitingMs: day + hour }), ['warning'])
  })

  test('that has deleted unmirrored records is a problem, one by bytes a note', () => {
    assert.deepEqual(judge({ lostPartitions: [3] }), ['problem'])
    assert.deepEqual(judge({ retentionBytes: 1_000 }), ['note'])
  })

  // The doctor wrote "1 topics" and "records of 1 partitions".
  test('counts one topic and one partition in the singular', () => {
    const outage = { ms: day, isChosen: false }
    const [kept] = judgeRetention([topic], outage)
    assert.equal(kept?.about, '1 topic')
    const [lost] = judgeRetention([{ ...topic, lostPartitions: [3] }], outage)
    assert.match(lost?.measured ?? '', /of 1 partition \(3\)$/)
    assert.equal(judgeRetention([topic, topic], outage)[0]?.about, '2 topics')
  })
})

test('settings that differ are one finding for all topics that differ in the same way', () => {
  const settings = (more: object) => new Map(Object.entries({
    'max.message.bytes': '1000000', 'cleanup.policy': 'delete', 'compression.type': 'producer',
    'message.timestamp.type': 'CreateTime', 'message.timestamp.after.max.ms': '3600000',
    'min.insync.replicas': '1', ...more
  }) as ReadonlyArray<[string, string]>)
  const compared = (name: string, target: object): ComparedTopic => ({
    topic: name,
    remoteTopic: `east.${name}`,
    source: settings({}),
    target: settings(target),
    replicas: 2
  })
  assert.deepEqual(severitiesOf(judgeSettings([compared('same', {})])), ['ok'])
  const more = compared('more', { 'max.message.bytes': '2000000' })
  assert.deepEqual(severitiesOf(judgeSettings([more])), ['ok'])
  const reordered = { ...compared('both', { 'cleanup.policy': 'delete, compact' }),
    source: settings({ 'cleanup.policy': 'compact,delete' }) }
  assert.deepEqual(severitiesOf(judgeSettings([reordered])), ['ok'])
  const findings = judgeSettings([
    compared('a', { 'max.message.bytes': '900' }),
    compared('b', { 'max.message.bytes': '900', 'compression.type': 'zstd' }),
    compared('c', {
      'min.insync.replicas': '3',
      'message.timestamp.type': 'LogAppendTime',
      'message.timestamp.after.max.ms': '1000'
    })
  ])
  assert.deepEqual(findings.map(({ about, severity }) => `${severity} ${about}`), [
    'warning east.a, east.b', 'problem east.c', 'note east.b', 'warning east.c', 'warning east.c'
  ])
})

test('a certificate is a problem after its end, and a warning two weeks before', () => {
  const now = Date.UTC(2026, 0, 1)
  const severity = (days: number) => judgeCertificate(
    { about: 'east', what: 'it', endMs: now + days * day, renewal: 'renew' }, now).severity
  assert.deepEqual([-1, 1, 13, 20, 60].map(severity),
    ['problem', 'warning', 'warning', 'note', 'ok'])
})

describe('file descriptors', () => {
  const flow = { sourceBrokers: 3, targetBrokers: 3, lanes: 2, connectionsMax: 16, flows: 1 }

  test('below the need are a problem', () => {
    const needed = neededDescriptors(flow)
    assert.equal(needed, 100 + 2 * (3 * 17 + 6) + 8 * 6)
    assert.equal(judgeDescriptors({ ...flow, limit: needed }).severity, 'ok')
    const short = judgeDescriptors({ ...flow, limit: needed - 1 })
    assert.equal(short.severity, 'problem')
    assert.match(short.advice ?? '', new RegExp(String(2 * needed)))
    assert.equal(judgeDescriptors({ ...flow, limit: undefined }).severity, 'note')
  })

  test('are read from the limits of the process', () => {
    const line = 'Max open files            1024                 524288               files'
    assert.equal(openFilesLimit(`Limit  Soft\n${line}\n`), 1024)
    assert.equal(openFilesLimit(line.replace('1024', 'unlimited')), Infinity)
    assert.equal(openFilesLimit(undefined), undefined)
  })
})

describe('socket buffers', () => {
  const far: Window = {
    side: 'source', cluster: 'east', roundTripMs: 100, brokerBytes: 102_400, hostBytes: 6_291_456,
    connectionsMax: 32
  }

  test('bound a connection by the smaller buffer and the round trip', () => {
    assert.equal(bytesPerSecond(far), 2_048_000)
    assert.equal(bytesPerSecond({ ...far, brokerBytes: -1 }), 31_457_280)
    assert.equal(bytesPerSecond({ ...far, side: 'target' }), 1_024_000)
    assert.equal(bytesPerSecond({ ...far, brokerBytes: undefined, hostBytes: undefined }),
      undefined)
  })

  test('matter only over a long line, and name the end that bounds', () => {
    assert.equal(judgeWindow({ ...far, roundTripMs: 1 }).severity, 'ok')
    assert.match(judgeWindow(far).advice ?? '', /send\.buffer\.bytes=-1 on the brokers/)
    assert.match(judgeWindow({ ...far, brokerBytes: -1, hostBytes: 200_000 }).advice ?? '',
      /tcp_rmem on this machine/)
    assert.equal(judgeWindow({ ...far, brokerBytes: -1 }).severity, 'ok')
    assert.match(judgeWindow({ ...far, brokerBytes: undefined, hostBytes: undefined }).measured,
      /unknown/)
  })

  test('the congestion control matters if the target is far', () => {
    assert.deepEqual(severitiesOf(judgeCongestion('cubic', 80)), ['note'])
    assert.deepEqual(severitiesOf(judgeCongestion('bbr', 80)), ['ok'])
    assert.deepEqual(severitiesOf(judgeCongestion('cubic', 1)), ['ok'])
    assert.deepEqual(judgeCongestion(undefined, 80), [])
  })

  test('of the kernel are the last of three numbers', () => {
    assert.equal(largestBuffer('4096\t131072\t6291456\n'), 6_291_456)
    assert.equal(largestBuffer('4096'), undefined)
  })
})
