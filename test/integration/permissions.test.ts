// The least permissions, as `longhaul acls` prints them, before a real authorizer. Those that
// MirrorMaker 2 does without are missing at first: each one is named, with the resource, and the
// flow goes on once it is granted.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { RequiredAcl } from '../../src/orchestrator/flow/required-acls.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import { grantAcls, printedAcls, without } from './granted-acls.ts'
import {
  createPropertiesFile, spawnMirror, type CleanUp, type LogLine
} from './mirror-process.ts'
import { flowProperties, login, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const secured = { sasl: { users: { guest: 'guest-secret' }, superUsers: [] } }

describe('the permissions of the mirror\'s user', { timeout: 300_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters(secured) })
  after(async () => { await clusters.close() })

  test('suffice as longhaul acls prints them, and each missing one is named', async t => {
    const { source, target } = clusters
    await source.createTopic('least')
    await produce(source.plainBootstrapServers, 'least', numbered(0, 20))
    const file = createPropertiesFile(t, flowProperties(clusters, {
      ...login('east', 'guest', 'guest-secret'),
      ...login('west', 'guest', 'guest-secret'),
      'east->west.topics': 'least',
      'fault.retry.interval.ms': 1000
    }))
    const needed = await printedAcls(file)
    const onTarget = ({ cluster }: RequiredAcl): boolean => cluster === 'west'
    const grant = async (acls: readonly RequiredAcl[]): Promise<void> => {
      await grantAcls((alias): KafkaCluster => alias === 'east' ? source : target, acls)
    }
    const grantRead = async (name: string): Promise<void> => {
      await grant(needed.filter(acl => onTarget(acl) && acl.name === name)
        .map(acl => ({ ...acl, operations: ['Read'] })))
    }
    await grant(without(needed, 'Read', onTarget))
    assert.match(await refusedStart(t, file), /longhaul\.east->west.*Grant READ .*on the group/)
    await grantRead('longhaul.east->west')
    assert.match(await refusedStart(t, file), /longhaul-progress\.east\.internal.*READ/)
    await grantRead('longhaul-progress.east.internal')
    const mirror = spawnMirror(t, file)
    const { text } = await mirror.untilLogged('the remote topic', line =>
      isTrouble(line) && line.text.includes('east.least'))
    assert.match(text, /reading target east\.least-0 .*needs READ on the topic/)
    await grantRead('east.least')
    await untilRecords(mirror, target, 'east.least', 20)
    await mirror.untilReady()
    assert.equal((await mirror.stop()).code, 0)

    const again = spawnMirror(t, file)
    await again.untilReady()
    await produce(source.plainBootstrapServers, 'least', numbered(20, 40))
    await untilRecords(again, target, 'east.least', 40)
    assert.deepEqual(again.log.filter(isTrouble), [])
    await source.admin.createPartitions('least', 2)
    await again.untilLogged('more partitions', ({ text }) => text === 'added partitions')
    await produce(source.plainBootstrapServers, 'least', numbered(0, 10, 1))
    await untilRecords(again, target, 'east.least', 50)
    assert.equal((await again.stop()).code, 0)
  })
})

/** A flow that cannot start and is the only one ends the process. Resolves with what it logged. */
async function refusedStart (t: CleanUp, file: string): Promise<string> {
  const mirror = spawnMirror(t, file)
  assert.equal((await mirror.untilExit()).code, 3)
  return mirror.log.filter(isTrouble).map(({ text }) => text).join('\n')
}

function isTrouble ({ level }: LogLine): boolean {
  return level === 'warn' || level === 'error'
}
