// A whole flow with the logins of AWS MSK. The listener stands in front of a real broker and checks
// the signature and the life of each token; it is the source of one flow and the target of another.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startKafkaCluster, type KafkaCluster } from '../kafka/cluster.ts'
import { mskCredentials, mskRegion, refusalOfMskToken, withoutAws } from '../kafka/msk-iam.ts'
import { createTempFolder, removeFolder } from '../kafka/process-guard.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { untilRecords } from './comparison.ts'
import { commitOffsets, hasOffsets } from './group-commit.ts'
import {
  createPropertiesFile, startMirror, type CleanUp, type Properties
} from './mirror-process.ts'
import { smallFlows } from './mirrored-clusters.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'
import { startTokenListener } from './token-listener.ts'

const partitions = 2
const committed = 7n
/** Clients log in again after 90 % of it. */
const sessionMs = 2_000
/**
 * A token lives as long as the credentials that sign it. It is replaced after 80 %, and a busy
 * machine may be late by the rest.
 */
const credentialsSeconds = 40
/** Written while a login is held: several batches of each partition. */
const recordsMeanwhile = 100

const library = 'software.amazon.msk.auth.iam'
const bothWays: Properties = {
  ...smallFlows,
  'clusters': 'msk, open',
  'msk->open.enabled': true,
  'open->msk.enabled': true,
  'msk.security.protocol': 'SASL_PLAINTEXT',
  'msk.sasl.mechanism': 'AWS_MSK_IAM',
  'msk.sasl.jaas.config': `${library}.IAMLoginModule required;`,
  'msk.sasl.client.callback.handler.class': `${library}.IAMClientCallbackHandler`,
  'checkpoints.topic.replication.factor': 1,
  'refresh.groups.interval.seconds': 1,
  'sync.group.offsets.enabled': true,
  'sync.group.offsets.interval.seconds': 1
}

/**
 * A configuration file of AWS whose credentials come from a program, as those of a role come from a
 * server: with an end.
 */
function createAwsConfig (t: CleanUp): string {
  const folder = createTempFolder('aws')
  t.after(async () => { removeFolder(folder) })
  const program = join(folder, 'credentials.sh')
  const credentials = JSON.stringify({
    Version: 1, AccessKeyId: mskCredentials.id, SecretAccessKey: mskCredentials.secret,
    Expiration: 'END'
  })
  writeFileSync(program, `end=$(date -u -d "@$(( $(date +%s) + ${credentialsSeconds} ))" ` +
    `+%Y-%m-%dT%H:%M:%SZ)\necho '${credentials}' | sed "s/END/$end/"\n`)
  const file = join(folder, 'config')
  writeFileSync(file, `[default]\ncredential_process = /bin/sh "${program}"\n`)
  return file
}

// A lane uses its connection until the next one is logged in: however long that lasts, no record
// waits.
test('AWS IAM: records and group offsets arrive in both roles while tokens are replaced',
  async t => {
    /** When each token was first seen. */
    const tokens = new Map<string, number>()
    const started: { cluster?: KafkaCluster } = {}
    const msk = await startTokenListener(t, {
      broker: () => started.cluster?.serversOf('MSK') ?? '',
      refusalOf: token => {
        if (!tokens.has(token)) tokens.set(token, Date.now())
        return refusalOfMskToken(token)
      },
      sessionMs
    })
    const cluster = await startKafkaCluster(t, {
      moreListeners: [{ name: 'MSK', protocol: 'PLAINTEXT', advertisedPort: msk.port }]
    })
    started.cluster = cluster
    await cluster.createTopic('orders', { partitions })
    const load = await SequenceLoad.start(t, cluster, 'orders', { partitions, recordsPerTurn: 5 })
    const admin = createAdmin(t, cluster.bootstrapServers)
    const mirror = await startMirror(t, createPropertiesFile(t, {
      ...bothWays,
      'open.bootstrap.servers': cluster.bootstrapServers,
      'msk.bootstrap.servers': msk.address
    }), [], { ...withoutAws, AWS_CONFIG_FILE: createAwsConfig(t), AWS_REGION: mskRegion })
    const aliases = ['msk', 'open']
    const untilAll = async (count: number): Promise<void> => {
      for (const alias of aliases) {
        await untilRecords(mirror, cluster, `${alias}.orders`, count * partitions)
      }
    }
    await untilAll(Number(committed) + 1)
    await mirror.untilReady()
    await commitOffsets(admin, 'billing', [
      { topic: 'orders', partition: 0, offset: committed, metadata: '' }
    ])
    await mirror.until('the end of the first token', () => {
      const [firstMs = Infinity] = tokens.values()
      return Date.now() > firstMs + credentialsSeconds * 1000
    })
    assert.ok(tokens.size >= 2)

    msk.hold()
    t.after(() => { msk.release() })
    const heldLanes = (): number => [...msk.held].filter(id => /-lane-/.test(id)).length
    await mirror.until('a login of each lane', () => heldLanes() === 2)
    await untilAll(load.written + recordsMeanwhile)
    assert.equal(heldLanes(), 2)
    msk.release()

    await mirror.until('the offsets of the group', async () =>
      await hasOffsets(admin, 'billing', aliases.map(alias => `${alias}.orders`), committed))
    await mirror.untilReady()
    const written = await load.stop()
    await untilAll(written)
    assert.equal(msk.strangers, 0)
    assert.deepEqual([...new Set(msk.refusals)], [])
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    assert.deepEqual(mirror.log.filter(({ level }) => level === 'error'), [])
    assert.ok(!`${mirror.stdout}${mirror.stderr}`.includes(mskCredentials.secret))
    for (const alias of aliases) {
      await assertEachOnceInOrder(cluster, `${alias}.orders`, partitions, written)
    }
  })
