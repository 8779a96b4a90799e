// The Config of valid files and command lines. Invalid ones: config-problems.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { forwarderSettings } from '../../../src/dataplane/contract/contract-table.ts'
import {
  topicSettingNames, type TopicSetting
} from '../../../src/orchestrator/config/config-table.ts'
import { parseConfig, readConfig } from '../../../src/orchestrator/config/parse-config.ts'
import { judgeTopic } from '../../../src/orchestrator/policy/topic-filter.ts'
import { createConfig, createFlow, problemsOf, twoClusters } from './create-config.ts'

// The shape of config/connect-mirror-maker.properties, which comes with Kafka.
const kafkaSample = `
# specify any number of cluster aliases
clusters = A, B

# connection information for each cluster
# for e.g. "A_host1:9092, A_host2:9092, A_host3:9092"
A.bootstrap.servers = A_host1:9092, A_host2:9092, A_host3:9092
B.bootstrap.servers = B_host1:9092, B_host2:9092, B_host3:9092

# enable and configure individual replication flows
A->B.enabled = true

# regex which defines which topics gets replicated. For eg "foo-.*"
A->B.topics = .*

B->A.enabled = true
B->A.topics = .*

# Setting replication factor of newly created remote topics
replication.factor=1

############################# Internal Topic Settings  #############################
checkpoints.topic.replication.factor=1
heartbeats.topic.replication.factor=1
offset-syncs.topic.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
config.storage.replication.factor=1

# customize as needed
# replication.policy.separator = _
# sync.topic.acls.enabled = false
# emit.heartbeats.interval.seconds = 5
`

const productionFile = `
clusters = us-west, us-east
us-west.bootstrap.servers = w1:9093,w2:9093
us-east.bootstrap.servers = e1:9093
security.protocol = SSL
us-west.ssl.enabled.protocols = TLSv1.2,TLSv1.3
us-west.ssl.endpoint.identification.algorithm =
us-east.security.protocol = SASL_SSL
us-east.sasl.mechanism = SCRAM-SHA-512
us-east.sasl.jaas.config = org.apache.kafka.common.security.scram.ScramLoginModule required \\
  username="mm2" \\
  password="\${env:PW}";
us-west->us-east.enabled = true
us-west->us-east.topics = orders.*, payments
us-west->us-east.sync.group.offsets.enabled = true
us-east->us-west.enabled = false
tasks.max = 24
replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy
replication.policy.separator =
us-west.consumer.auto.offset.reset = latest
us-west.consumer.max.poll.records = 2000
us-west.consumer.fetch.max.bytes = 52428800
us-west.consumer.receive.buffer.bytes = -1
us-east.producer.compression.type = zstd
us-east.producer.max.request.size = 15728640
us-east.producer.buffer.memory = 134217728
us-east.producer.acks = all
us-east.producer.enable.idempotence = true
us-east.admin.request.timeout.ms = 60000
us-west->us-east.producer.override.acks = 1
us-east.exactly.once.source.support = enabled
dedicated.mode.enable.internal.rest = true
offset.flush.timeout.ms = 10000
key.converter = org.apache.kafka.connect.converters.ByteArrayConverter
`

test("Kafka's own sample file is accepted unchanged", () => {
  const parsed = parseConfig(kafkaSample)
  assert.ok(parsed.ok)
  const { config } = parsed
  assert.deepEqual(config.flows.map(({ name }) => name), ['A->B', 'B->A'])
  const [flow] = config.flows
  assert.ok(flow)
  assert.equal(flow.settings['replication.factor'], 1)
  assert.equal(flow.source.client['bootstrap.servers'],
    'A_host1:9092,A_host2:9092,A_host3:9092')
  assert.equal(flow.policy.remoteTopic('orders'), 'A.orders')
  assert.equal(judgeTopic(flow.topics, 'orders'), 'mirrored')
  assert.equal(judgeTopic(flow.topics, 'B.orders'), 'cycle')
  assert.equal(flow.settings['progress.topic.replication.factor'], 1)
  assert.equal(config.warnings.length, 2)
  assert.equal(config.process['metrics.port'], 9584)
})

test('a production file is accepted, with warnings for properties without effect', () => {
  const parsed = parseConfig(productionFile,
    { environment: { PW: 'hunter2', SSL_CERT_FILE: '/public.pem' } })
  assert.ok(parsed.ok)
  const { flows: [flow, ...others], warnings } = parsed.config
  assert.ok(flow !== undefined && others.length === 0)
  assert.deepEqual(flow.forwarder.produceRequestBytesMax, 15_728_640)
  assert.deepEqual(flow.target.client, {
    'bootstrap.servers': 'e1:9093', 'security.protocol': 'SASL_SSL',
    'sasl.mechanism': 'SCRAM-SHA-512', 'sasl.username': 'mm2', 'sasl.password': 'hunter2',
    'ssl.ca.location': '/public.pem'
  })
  assert.deepEqual(flow.source.client, {
    'bootstrap.servers': 'w1:9093,w2:9093', 'security.protocol': 'SSL',
    'ssl.endpoint.identification.algorithm': 'none', 'socket.receive.buffer.bytes': '0',
    'ssl.ca.location': '/public.pem'
  })
  assert.equal(flow.target.admin.properties['socket.timeout.ms'], '60000')
  assert.equal(flow.policy.remoteTopic('orders'), 'orders')
  assert.equal(flow.settings['auto.offset.reset'], 'latest')
  assert.equal(warnings.length, 10, warnings.join('\n'))
})

test('any layout of a properties file means the same', () => {
  const written = { 'replication.factor': '3', 'A->B.topics': 'a, b.*', 'lanes': '4' }
  const space = fc.constantFrom('', ' ', '\t')
  const noise = fc.constantFrom('', '# a comment = 1\n', '\n', '! another\n')
  const line = fc.tuple(noise, space, space, fc.constantFrom('=', ':'), space,
    fc.constantFrom('\n', '\r\n'))
  fc.assert(fc.property(fc.array(line, { minLength: 3, maxLength: 3 }), layouts => {
    const text = Object.entries(written).map(([key, value], at) => {
      const [before, indent, left, separator, right, end] = layouts[at] ?? []
      return `${before}${indent}${key}${left}${separator}${right}${value}${end}`
    }).join('')
    const flow = createFlow([text])
    assert.equal(flow.settings['replication.factor'], 3)
    assert.deepEqual(flow.settings.topics, ['a', 'b.*'])
    assert.equal(flow.settings.lanes, 4)
  }))
})

test('a continued line, an escape and trailing white space are read as by Java', () => {
  const flow = createFlow(['A->B.topics = a,\\', '   b, \\u0063   ', 'topics.exclude ='])
  assert.deepEqual(flow.settings.topics, ['a', 'b', 'c'])
  assert.deepEqual(flow.settings['topics.exclude'], [])
})

test('flow wins over cluster, cluster over top level, a role over none', () => {
  const lines = [
    'linger.ms = 1', 'producer.linger.ms = 2', 'B.linger.ms = 3', 'A->B.producer.linger.ms = 4',
    'A->B.target.producer.linger.ms = 5', 'B.producer.linger.ms = 6', 'A->B.linger.ms = 7',
    'A->B.producer.override.linger.ms = 8'
  ]
  for (let last = 1; last <= lines.length; last++) {
    const few = lines.slice(0, last)
    // The order of the lines does not matter.
    for (const order of [few, few.toReversed()]) {
      assert.equal(createFlow(order).settings['linger.ms'], last, few.at(-1))
    }
  }
})

// MirrorMaker 2 ranks `A.consumer.x` above `A->B.consumer.x`, which it reads for all its consumers.
test('of the places of a consumer, a cluster wins over a flow without a side', () => {
  const lines = [
    'fetch.min.bytes = 1', 'A.fetch.min.bytes = 2', 'A->B.consumer.fetch.min.bytes = 3',
    'A.consumer.fetch.min.bytes = 4', 'A->B.source.consumer.fetch.min.bytes = 5'
  ]
  for (let last = 1; last <= lines.length; last++) {
    assert.equal(createFlow(lines.slice(0, last).toReversed()).settings['fetch.min.bytes'], last)
  }
  const config = createConfig(['consumer.fetch.min.bytes = 6'])
  assert.notEqual(config.flows[0]?.settings['fetch.min.bytes'], 6)
  assert.match(config.warnings.join(), /^consumer\.fetch\.min\.bytes \(line 5\) has no effect/)
})

test('source.cluster.alias names remote topics, and target.cluster.alias returned topics', () => {
  const flow = createFlow(['source.cluster.alias = use1', 'A->B.target.cluster.alias = usw2'])
  assert.equal(flow.policy.remoteTopic('orders'), 'use1.orders')
  assert.equal(judgeTopic(flow.topics, 'usw2.orders'), 'cycle')
  assert.equal(judgeTopic(flow.topics, 'B.orders'), 'mirrored')
})

// How files kept the names of topics before there was a policy for it.
test('an empty alias and an empty separator keep the names of topics', () => {
  const empty = ['source.cluster.alias =', 'replication.policy.separator =']
  const flow = createFlow(empty)
  assert.ok(flow.policy.keepsNames)
  assert.equal(flow.policy.remoteTopic('heartbeats'), 'heartbeats')
  assert.match(problemsOf([...twoClusters, ...empty, 'B->A.enabled = true']).join(),
    /A->B and B->A mirror in a loop/)
  assert.equal(createFlow(['replication.policy.separator =']).policy.remoteTopic('orders'),
    'Aorders')
  assert.match(problemsOf([...twoClusters, 'replication.policy.separator =',
    'B->A.enabled = true']).join(), /separator is empty, so DefaultRep/)
})

// Java's clients accept these values; a file with them must work after the switch.
test('a larger value of a client property than Longhaul can use is lowered with a warning', () => {
  const config = createConfig([
    'A.consumer.fetch.max.bytes = 2147483647', 'B.producer.request.timeout.ms = 600000'
  ])
  const [flow] = config.flows
  assert.equal(flow?.settings['request.timeout.ms'], 300_000)
  assert.equal(flow.target.client['socket.timeout.ms'], '300000')
  const warnings = config.warnings.join('\n')
  assert.match(warnings, /fetch\.max\.bytes=2147483647 \(line 5\) is more than Longhaul can use/)
  assert.match(warnings, /request\.timeout\.ms=600000 \(line 6\) is more than .* 5m is used/)
  assert.match(problemsOf([...twoClusters, 'lanes = 65']).join(), /allowed is 1 to 64/)
})

test('text other than true is false where MirrorMaker 2 reads it so, with a warning', () => {
  const config = createConfig(['B->A.enabled = true # active'])
  assert.deepEqual(config.flows.map(({ name }) => name), ['A->B'])
  assert.match(config.warnings.join(), /B->A\.enabled=true # active \(line 5\): it is not true or/)
})

// A file for clusters of one broker sets each factor that MirrorMaker 2 knows, and no other.
test('the progress topic has the replication factor that the file sets for similar topics', () => {
  const factorOf = (...lines: readonly string[]) =>
    createFlow(lines).settings['progress.topic.replication.factor']
  const storage = 'offset.storage.replication.factor = 1'
  assert.equal(factorOf(), 3)
  assert.equal(factorOf('replication.factor = 2'), 2)
  assert.equal(factorOf(storage, 'replication.factor = 2'), 1)
  assert.equal(factorOf('B.replication.factor = 2', 'A.replication.factor = 4'), 2)
  assert.equal(factorOf(storage, 'progress.topic.replication.factor = -1'), -1)
  assert.equal(factorOf('A->B.offset.storage.replication.factor = 1', 'replication.factor = 4'), 4)
})

test('settings of the consumer are read at the source, all others at the target', () => {
  const flow = createFlow([
    'A.consumer.fetch.max.bytes = 1MiB', 'B.consumer.fetch.max.bytes = 2MiB',
    'A.producer.batch.size = 1KiB', 'B.producer.batch.size = 2KiB',
    'A.replication.factor = 1', 'B.replication.factor = 3',
    'A.consumer.auto.offset.reset = latest'
  ])
  assert.equal(flow.settings['fetch.max.bytes'], 1 << 20)
  assert.equal(flow.settings['batch.size'], 2048)
  assert.equal(flow.settings['replication.factor'], 3)
  assert.equal(flow.settings['auto.offset.reset'], 'latest')
})

test('client properties reach their end and their role', () => {
  const flow = createFlow([
    'client.rack = everywhere',
    'A.client.rack = a',
    'A.consumer.client.id = reader',
    'A.admin.client.id = keeper',
    'B.producer.client.id = writer',
    'A->B.target.admin.client.id = flow-keeper',
    'A.consumer.request.timeout.ms = 40000'
  ])
  assert.deepEqual(flow.source.client, {
    'bootstrap.servers': 'a1:9092,a2:9092', 'client.rack': 'a', 'client.id': 'reader',
    'socket.timeout.ms': '40000'
  })
  assert.equal(flow.source.admin.properties['client.id'], 'keeper')
  assert.equal(flow.target.client['client.id'], 'writer')
  assert.equal(flow.target.client['client.rack'], 'everywhere')
  assert.equal(flow.target.admin.properties['client.id'], 'flow-keeper')
  assert.equal(flow.forwarder.requestTimeoutMs, 40_000)
})

test('a topic has the setting of the most specific place', () => {
  const flow = createFlow([
    'data.loss = skip', 'A->B.topics = orders.*, audit',
    'A->B.topic.orders.v2.data.loss = stop', 'topic.orders.v2.data.loss = skip',
    'topic.orders.v2.topic.recreated = skip', 'B.topic.audit.corrupt.batch = skip',
    'A->B.topic.orders.v2.record.too.large = SKIP'
  ])
  const asFlow = {
    'data.loss': 'skip',
    'topic.recreated': 'stop',
    'batching': 'pass-through',
    'bandwidth.share': 100
  }
  const pick = (topic: string): object => {
    const settings = flow.ofTopic(topic)
    return Object.fromEntries(topicSettingNames.map(name => [name, settings[name]]))
  }
  assert.deepEqual(pick('orders'),
    { ...asFlow, 'record.too.large': 'stop', 'record.refused': 'stop', 'corrupt.batch': 'stop' })
  assert.deepEqual(pick('orders.v2'), {
    'data.loss': 'stop',
    'topic.recreated': 'skip',
    'record.too.large': 'skip',
    'record.refused': 'stop',
    'corrupt.batch': 'stop',
    'batching': 'pass-through',
    'bandwidth.share': 100
  })
  assert.deepEqual(pick('audit'),
    { ...asFlow, 'record.too.large': 'stop', 'record.refused': 'stop', 'corrupt.batch': 'skip' })
})

test('every name of a topic can have a policy', () => {
  const name = fc.stringMatching(/^[a-zA-Z0-9._-]{1,40}$/)
  const others: readonly TopicSetting[] = ['batching', 'bandwidth.share']
  const policies = topicSettingNames.filter(setting => !others.includes(setting))
  fc.assert(fc.property(name, fc.constantFrom(...policies), (topic, setting) => {
    const { ofTopic } = createFlow([`A->B.topic.${topic}.${setting} = skip`])
    assert.equal(ofTopic(topic)[setting], 'skip')
    for (const other of policies) {
      assert.equal(ofTopic(topic)[other], other === setting ? 'skip' : 'stop')
      assert.equal(ofTopic(`${topic}x`)[other], 'stop')
    }
  }))
})

test('a policy for a topic that no flow mirrors causes a warning', () => {
  const warned = (lines: readonly string[]): readonly string[] =>
    createConfig(['topics = orders', ...lines]).warnings
  assert.deepEqual(warned(['A->B.topic.ordres.data.loss = skip']),
    ['A->B.topic.ordres.data.loss (line 6) has no effect: no flow mirrors the topic ordres'])
  assert.deepEqual(warned([
    'topic.orders.data.loss = skip', 'B->A.enabled = true', 'B->A.topics = bills'
  ]), [])
})

test('the command line wins over the file, at every level', () => {
  const lines = ['A->B.producer.linger.ms = 6', 'A.ssl.key.password = x', 'A->B.topics = file']
  const flow = createFlow(lines, {
    overrides: ['linger.ms=9', 'A->B.topics=a=b', 'source.client.rack=here',
      'socket.keepalive.enable=true'],
    flags: { 'lanes': '8', 'batch.size': '1MiB' }
  })
  assert.equal(flow.settings['linger.ms'], 9)
  assert.deepEqual(flow.settings.topics, ['a=b'])
  assert.equal(flow.settings.lanes, 8)
  assert.equal(flow.settings['batch.size'], 1 << 20)
  assert.equal(flow.source.client['client.rack'], 'here')
  assert.equal(flow.target.client['client.rack'], undefined)
  assert.equal(flow.source.client['socket.keepalive.enable'], 'true')
  assert.equal(flow.target.admin.properties['socket.keepalive.enable'], 'true')
})

test('each setting of the Forwarder is fed by one row, and is its default when unset', () => {
  const defaults = Object.fromEntries(
    Object.entries(forwarderSettings).map(([name, setting]) => [name, setting.default]))
  const { forwarder } = createFlow()
  // The settings that the table sets and the contract also has, so that a new one is not forgotten.
  assert.deepEqual(forwarder,
    { ...defaults, inFlightBytesRaisedMax: 16 * 2 ** 30, processLanes: 2 })
  const flow = createFlow(['isolation.level = read_uncommitted', 'keep.producer.timestamps = true'])
  assert.equal(flow.forwarder.isolationLevel, 0)
  assert.equal(flow.forwarder.keepProducerTimestamps, 1)
})

test('a value over its bound is lowered, with a warning if it was written', () => {
  const config = createConfig(['A.consumer.fetch.max.bytes = 52428800'])
  assert.equal(config.flows[0]?.forwarder.fetchBytesMax, 48 << 20)
  assert.deepEqual(config.warnings, ['A.consumer.fetch.max.bytes=52428800 (line 5) is more than ' +
    'in.flight.bytes.max: 48MiB is used; raise in.flight.bytes.max to change that'])
  const quiet = createConfig(['in.flight.bytes.max = 1MiB', 'lanes = 1'])
  assert.equal(quiet.flows[0]?.forwarder.partitionFetchBytesMax, 1 << 20)
  assert.deepEqual(quiet.warnings, [])
})

test('--clusters keeps the flows into these clusters', () => {
  const both = ['B->A.enabled = true']
  assert.deepEqual(createConfig(both, { clusters: ['A'] }).flows.map(({ name }) => name), ['B->A'])
  assert.match(problemsOf(twoClusters, { clusters: ['BB'] }).join(), /--clusters BB.*mean B\?/)
})

test('aliases may have dots and arrows may join any of them', () => {
  const parsed = parseConfig([
    'clusters = eu, eu.west', 'eu.bootstrap.servers = e:1', 'eu.west.bootstrap.servers = w:2',
    'eu->eu.west.enabled = true', 'eu.west.producer.linger.ms = 5'
  ].join('\n'))
  assert.ok(parsed.ok)
  const [flow] = parsed.config.flows
  assert.equal(flow?.name, 'eu->eu.west')
  assert.equal(flow?.target.client['bootstrap.servers'], 'w:2')
  assert.equal(flow?.settings['linger.ms'], 5)
})

test('properties of MirrorMaker 2 without effect in Longhaul cause one warning each', () => {
  const { warnings } = createConfig([
    'tasks.max = 10', 'A->B.tasks.max = 20', 'offset.flush.interval.ms = 5',
    'status.storage.topic = x', 'status.storage.partitions = 5', 'B.producer.acks = all',
    'A.producer.compression.type = lz4', 'B.producer.compression.type = lz4',
    'A->B.ssl.protocol = TLS', 'topics.blacklist = x'
  ])
  const expected = [
    /^tasks\.max \(line 5\).*lanes/, /^offset\.flush\.interval\.ms.*progress/,
    /^status\.storage\.topic.*Connect worker/, /compression\.type.*keep the compression/,
    /^A->B\.ssl\.protocol.*needs a side/, /^topics\.blacklist.*now called topics\.exclude/
  ]
  for (const pattern of expected) {
    assert.equal(warnings.filter(warning => pattern.test(warning)).length, 1, String(pattern))
  }
  assert.equal(warnings.length, expected.length, warnings.join('\n'))
})

test('a repeated property causes a warning, and the last one counts', () => {
  const config = createConfig(['lanes = 3', 'lanes = 4'])
  assert.equal(config.flows[0]?.settings.lanes, 4)
  assert.deepEqual(config.warnings,
    ['lanes is on line 5 and on line 6: the last one counts'])
})

// The consumers that share the slots are consumers of the target, while "consumer" in MirrorMaker
// 2's files means consumers of the source.
test('session.timeout.ms is read at the target, also of its consumers', () => {
  const sessionOf = (line: string): number => createFlow([line]).settings['session.timeout.ms']
  const lines = [
    'session.timeout.ms', 'B.session.timeout.ms', 'B.consumer.session.timeout.ms',
    'target.consumer.session.timeout.ms', 'A->B.session.timeout.ms'
  ]
  for (const name of lines) assert.equal(sessionOf(`${name} = 20000`), 20_000, name)
  assert.equal(sessionOf('A.consumer.session.timeout.ms = 20000'), 10_000)
})

// Java reads every file as ISO 8859-1, so a password may contain bytes that are not UTF-8.
test('a file is read as UTF-8, with or without its mark, or else as ISO 8859-1', () => {
  const text = [...twoClusters, 'A.client.id = Zürich'].join('\n')
  for (const content of [Buffer.from(text), Buffer.from(`\uFEFF${text}`),
    Buffer.from(text, 'latin1')]) {
    const parsed = readConfig('mm2.properties', { environment: {}, readFile: () => content })
    assert.ok(parsed.ok)
    assert.equal(parsed.config.flows[0]?.source.client['client.id'], 'Zürich')
  }
})

// For Java a line without `=` is the name of a property.
test('a stray line causes a warning and changes nothing', () => {
  const { flows: [flow], warnings } = createConfig(
    ['----------', 'this is no comment', '= 5', 'topics'])
  assert.deepEqual(warnings.map(warning => warning.split(' has no effect')[0]),
    ['---------- (line 5)', 'this (line 6)', ' (line 7)'])
  assert.equal(flow?.policy.remoteTopic('orders'), 'A.orders')
})

test('a file that cannot be read is an error', () => {
  const parsed = readConfig('/nowhere/mm2.properties')
  assert.equal(parsed.ok, false)
  assert.match(parsed.ok ? '' : parsed.problems[0]?.message ?? '', /mm2\.properties.*ENOENT/)
})

// Regression: properties-file throws at such an escape, without a line: a Windows path ended the
// program.
test('a backslash before u without four digits is refused by line, the rest is read', () => {
  const problems = problemsOf([...twoClusters, 'A.client.id = C:\\users',
    '# C:\\users', 'topics = \\u0041|\\\\\\\\u', 'lanes = 65'])
  assert.equal(problems.length, 2, problems.join('\n'))
  assert.match(problems[0] ?? '', /^A\.client\.id \(line 5\): \\u must be followed by/)
  assert.match(problems[1] ?? '', /^lanes=65/)
})

test('any text is accepted or refused, without an exception', () => {
  const word = fc.constantFrom('A', 'B', '->', '.', '=', 'topics', 'enabled', 'consumer.', '\\',
    '\n', 'clusters', 'bootstrap.servers', ',', '${env:X}', '${', 'ssl.', ' ', '#', 'true', '(',
    'u00e4', 'u')
  fc.assert(fc.property(fc.array(word), words => {
    parseConfig(words.join(''), { environment: {}, readFile: () => Buffer.alloc(0) })
  }), { numRuns: 500 })
})
