// The file of a bench's mirror: the clusters and logins of the user's file, and nothing that would
// touch topics or groups of the user's mirror.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { benchNames, renderMirrorFile } from '../../../src/orchestrator/bench/mirror-file.ts'
import { parseConfig } from '../../../src/orchestrator/config/parse-config.ts'

const names = benchNames('0a1b')

const userText = `
clusters = eu, eu.west, us
eu.bootstrap.servers = eu-1:9092
eu.security.protocol = SASL_PLAINTEXT
eu.sasl.mechanism = PLAIN
eu.sasl.jaas.config = org.apache.kafka.common.security.plain.PlainLoginModule required \\
  username="mirror" password="a\\\\\\\\b";
eu.west.bootstrap.servers = west-1:9092
us.bootstrap.servers = us-1:9092
us.producer.linger.ms = 7
eu->us.enabled = true
eu->us.topics = orders
eu->us.lanes = 3
eu->us.replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy
us->eu.enabled = true
eu.west->us.enabled = true
topic.rename = .*@x.$0
fetch.max.bytes = 1000000
replication.factor = 3
metrics.port = 9999
`

function parseFile (text: string) {
  const parsed = parseConfig(text, { environment: {} })
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(each => each.message).join('\n'))
  const [flow, ...others] = parsed.config.flows
  assert.deepEqual(others, [])
  assert.ok(flow !== undefined)
  return { flow, config: parsed.config }
}

describe('the file of a bench\'s mirror', () => {
  test('keeps addresses, logins and tuning of the flow\'s clusters', () => {
    const { flow } = parseFile(renderMirrorFile(names, {},
      { text: userText, source: 'eu', target: 'us' }))
    assert.equal(flow.source.client['bootstrap.servers'], 'eu-1:9092')
    const users = parseConfig(userText, { environment: {} })
    const password = users.ok ? users.config.flows[0]?.source.client['sasl.password'] : undefined
    assert.ok(password !== undefined && password.length > 1)
    assert.equal(flow.source.client['sasl.password'], password)
    assert.equal(flow.target.client['bootstrap.servers'], 'us-1:9092')
    assert.equal(flow.settings.lanes, 3)
    assert.equal(flow.settings['fetch.max.bytes'], 1_000_000)
    assert.equal(flow.settings['linger.ms'], 7)
  })

  test('has names of its own for everything that is written', () => {
    const { config, flow } = parseFile(renderMirrorFile(names, {},
      { text: userText, source: 'eu', target: 'us' }))
    assert.equal(flow.policy.remoteTopic(names.topic), `${names.alias}.${names.topic}`)
    assert.equal(flow.source.alias, names.alias)
    assert.ok(flow.topics.filter.matches(names.topic))
    assert.ok(!flow.topics.filter.matches('orders'))
    assert.deepEqual(flow.heartbeats, [])
    assert.equal(flow.settings['emit.checkpoints.enabled'], false)
    assert.equal(flow.settings['emit.offset-syncs.enabled'], false)
    assert.equal(config.process['metrics.port'], -1)
  })

  test('prefers the addresses of the command line', () => {
    const { flow } = parseFile(renderMirrorFile(names, { source: 'x:1', target: 'y:2' },
      { text: userText, source: 'eu', target: 'us' }))
    assert.equal(flow.source.client['bootstrap.servers'], 'x:1')
    assert.equal(flow.target.client['bootstrap.servers'], 'y:2')
  })
})
