// Tokens with a short life, with real brokers that require new tokens: they are refreshed under
// load, and a token server that fails for longer than a token's life stops the flow and costs no
// record.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTokenServer } from '../kafka/token-server.ts'
import { untilRecords } from './comparison.ts'
import { clusterProperties, oidc, password, startLoginCluster } from './login-listeners.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { assertEachOnceInOrder, SequenceLoad } from './sequence-load.ts'

const partitions = 2

test('a token server that fails for longer than a token is valid is named, and costs no record',
  async t => {
    // Sessions that are shorter than the tokens: each new token is soon in use, and an expired one
    // ends its connections. A session of less than 1.2 s could not be prolonged: a broker allows a
    // new login once a second.
    const { cluster, close } = await startLoginCluster({
      config: { 'connections.max.reauth.ms': '3000' }
    })
    t.after(close)
    const tokens = await startTokenServer(t, {
      client: 'mirror', secret: password, lifeSeconds: 10
    })
    const login = oidc(tokens.url)
    await cluster.createTopic('orders', { partitions })
    const load = await SequenceLoad.start(t, cluster, 'orders', { partitions })
    const mirror = await startMirror(t, createPropertiesFile(t, {
      'clusters': 'east, west',
      ...clusterProperties('east', login, cluster),
      ...clusterProperties('west', login, cluster),
      'east->west.enabled': true,
      'topics': 'orders',
      'lanes': 2,
      'task.slots': 2,
      'replication.factor': 1,
      'offset.storage.replication.factor': 1,
      'refresh.topics.interval.seconds': 1,
      'emit.heartbeats.enabled': false,
      'emit.offset-syncs.enabled': false,
      'metrics.port': 0
    }))
    const more = async (): Promise<void> => {
      await untilRecords(mirror, cluster, 'east.orders', (load.written + 50) * partitions)
    }
    await more()
    const first = tokens.requests.length
    await mirror.until('further tokens', () => tokens.requests.length >= first + 2)
    await more()
    await mirror.untilReady()

    tokens.answerWith({ status: 503, body: password })
    for (const alias of ['east', 'west']) {
      const { level, text } = await mirror.untilLogged(`a token that ${alias} lacks`, line =>
        line.text.includes(`cluster ${alias}: ${tokens.url} answers 503`))
      assert.equal(level, 'warn')
      assert.match(text, /the token in use expires at 20\d\d-[^ ]+Z, and logins fail from then on/)
      assert.match(text, new RegExp(`Check ${alias}\\.sasl\\.oauthbearer\\.token\\.endpoint\\.url`))
    }
    const reason = await mirror.untilNotReady(/No token for the login/)
    assert.ok(reason.includes(`${tokens.url} answers 503`), reason)
    tokens.answerWith(undefined)
    await mirror.untilReady()
    await more()
    const written = await load.stop()
    await untilRecords(mirror, cluster, 'east.orders', written * partitions)
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    assert.deepEqual(mirror.log.filter(({ text }) => /LANE_LOST/.test(text)), [])
    assert.doesNotMatch(mirror.stderr, new RegExp(password))
    await assertEachOnceInOrder(cluster, 'east.orders', partitions, written)
  })
