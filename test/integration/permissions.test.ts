// The least permissions that README lists, before a real authorizer: MirrorMaker 2's and four more.
// Each one that is missing is named, with the resource, and the flow goes on once it is granted.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { addAcl } from '../kafka/partition-operations.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import {
  createPropertiesFile, spawnMirror, type CleanUp, type LogLine
} from './mirror-process.ts'
import { flowProperties, login, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const secured = { sasl: { users: { guest: 'guest-secret' }, superUsers: [] } }

const grant = async (
  cluster: KafkaCluster, operations: readonly string[], resource: readonly string[]
): Promise<void> => {
  await addAcl(cluster, ['--allow-principal', 'User:guest',
    ...operations.flatMap(operation => ['--operation', operation]), ...resource])
}

const prefixed = (kind: string, name: string): string[] =>
  ['--resource-pattern-type', 'prefixed', `--${kind}`, name]

describe('the permissions of the mirror\'s user', { timeout: 300_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters(secured) })
  after(async () => { await clusters.close() })

  test('suffice as README lists them, and each missing one is named', async t => {
    const { source, target } = clusters
    await source.createTopic('least')
    await produce(source.plainBootstrapServers, 'least', numbered(0, 20))
    // What MirrorMaker 2 needs to mirror topics.
    await grant(source, ['Read', 'DescribeConfigs'], ['--topic', '*'])
    await grant(target, ['Create', 'Write', 'Alter', 'DescribeConfigs', 'AlterConfigs'],
      ['--topic', '*'])
    const file = createPropertiesFile(t, flowProperties(clusters, {
      ...login('east', 'guest', 'guest-secret'),
      ...login('west', 'guest', 'guest-secret'),
      'east->west.topics': 'least',
      'fault.retry.interval.ms': 1000
    }))
    assert.match(await refusedStart(t, file), /longhaul\.east->west.*Grant READ .*on the group/)
    await grant(target, ['Read'], prefixed('group', 'longhaul.'))
    assert.match(await refusedStart(t, file), /longhaul-progress\.east\.internal.*READ/)
    await grant(target, ['Read'], prefixed('topic', 'longhaul-progress.'))
    const mirror = spawnMirror(t, file)
    const { text } = await mirror.untilLogged('the remote topic', line =>
      isTrouble(line) && line.text.includes('east.least'))
    assert.match(text, /reading target east\.least-0 .*needs READ on the topic/)
    await grant(target, ['Read'], prefixed('topic', 'east.'))
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
