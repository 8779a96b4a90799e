// Why configurations are refused, and with which texts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editDistance, nearestName } from '../../../src/orchestrator/config/nearest-name.ts'
import { parseConfig } from '../../../src/orchestrator/config/parse-config.ts'
import { createConfig, parseConfigOf, problemsOf, twoClusters } from './create-config.ts'

// Lines after those of the two clusters, and the text of the one problem.
const refused: ReadonlyArray<readonly [string, RegExp]> = [
  ['B->B.enabled = true', /B->B\.enabled=true: source and target are the same cluster/],
  ['enabled = true', /only a flow can be enabled; write A->B\.enabled=true/],
  ['lanes = 0', /^lanes=0 \(line 5\): allowed is 1 to 64$/],
  ['A->B.linger.ms = soon', /allowed is 0ms to 1m/],
  ['in.flight.bytes.max = 5', /allowed is 1MiB to 16GiB/],
  ['data.loss = go', /data\.loss=go \(line 5\): allowed is stop, skip$/],
  ['A->B.topic.orders.data.loss = go', /orders\.data\.loss=go \(line 5\): allowed is stop, skip$/],
  ['A->B.topic.orders.data.los = skip', /of a topic can be set data\.loss, .* as in A->B\.topic/],
  ['A->B.topic.orders.linger.ms = 5', /of a topic can be set data\.loss, /],
  ['A->B.topic.a.*.corrupt.batch = skip', /"a\.\*" is not the name of a topic; write one line/],
  ['A->B.source.topic.orders.data.loss = skip', /^A->B\.source\.topic\.orders\.data\.loss \(line/],
  ['replication.policy.class = com.example.Mine', /allowed is DefaultReplicationPolicy, Id/],
  ['replication.policy.separator = /', /allowed is characters of a topic name/],
  ['A->B.metrics.port = 1', /metrics\.port is of the whole process; write metrics\.port=1/],
  ['A->B.topics = a(', /^A->B\.topics \(line 5\): a\(: \( without \)$/],
  ['topics.exclude = x[a&&b]', /^topics\.exclude \(line 5\).*&&/],
  ['A.security.protocol = SASL', /allowed are PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL/],
  ['B.bootstrap.servers = b1', /^B\.bootstrap\.servers: b1 is not host:port$/],
  ['B.bootstrap.servers = b1:99999', /b1:99999 is not host:port/],
  ['B.bootstrap.servers = ,', /^B\.bootstrap\.servers is not set; write B\.bootstrap\.servers=/]
]

for (const [line, expected] of refused) {
  test(`${line} is refused`, () => {
    const problems = problemsOf([...twoClusters, line])
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0] ?? '', expected)
  })
}

test('all problems are shown at once', () => {
  // One line for each name, because the last one counts. And the flow must be enabled.
  const lines = new Map(refused.map(([line]) => [line.split(' ')[0], line]))
  lines.delete('A->B.enabled')
  // Rules over several settings need flows that can be parsed.
  lines.delete('replication.policy.separator')
  assert.equal(problemsOf([...twoClusters, ...lines.values()]).length, lines.size)
})

test('clusters and bootstrap.servers that are missing are asked for', () => {
  assert.match(problemsOf(['lanes = 2']).join(), /clusters is not set; write clusters=A, B/)
  assert.match(problemsOf(['clusters = A, B', 'A->B.enabled = true']).join(),
    /A\.bootstrap\.servers is not set.*B\.bootstrap\.servers is not set/)
})

test('a file without an enabled flow is refused', () => {
  assert.match(problemsOf(twoClusters.slice(0, 3)).join(), /no replication flow is enabled/)
})

test('-X without a value is refused', () => {
  assert.match(problemsOf(twoClusters, { overrides: ['lanes'] }).join(), /^-X lanes: it is not/)
})

// Regression: the zone was refused: names of interfaces have more letters than addresses.
test('an IPv6 address of a broker may name its zone', () => {
  for (const zone of ['eth0', '2', 'br-lan.7']) {
    const servers = `[fe80::1%${zone}]:9092`
    assert.deepEqual(problemsOf([...twoClusters, `B.bootstrap.servers = ${servers}`]), [])
  }
  assert.equal(problemsOf([...twoClusters, 'B.bootstrap.servers = [fe80::1%]:9092']).length, 1)
})

// Templates with fewer brokers than places leave a comma: Java ignores the empty item.
test('empty places among bootstrap.servers count for nothing', () => {
  const { flows: [flow] } = createConfig(['B.bootstrap.servers = , b1:9092 ,, b2:9092,'])
  assert.equal(flow?.target.client['bootstrap.servers'], 'b1:9092,b2:9092')
})

const identity = 'replication.policy.class = IdentityReplicationPolicy'

test('the same names in both directions are refused if the topics overlap', () => {
  const problems = problemsOf([...twoClusters, 'B->A.enabled = true', identity])
  assert.equal(problems.length, 1)
  assert.match(problems[0] ?? '', /A->B and B->A mirror in a loop.*a topic such as/)
  const overlapping = [
    ['A->B.topics = orders', 'B->A.topics = ord.*'],
    ['A->B.topics = a.*, eu-.*', 'B->A.topics = .*-orders'],
    ['A->B.topics = (?i)orders', 'B->A.topics = a|orders']
  ]
  for (const lines of overlapping) {
    assert.match(problemsOf([...twoClusters, 'B->A.enabled = true', identity, ...lines]).join(),
      /loop/, lines.join())
  }
})

test('the same names in both directions are accepted with same.names.both.ways', () => {
  const both = ['B->A.enabled = true', identity]
  createConfig([...both, 'same.names.both.ways = true'])
  assert.match(problemsOf([...twoClusters, ...both, 'A->B.same.names.both.ways = true']).join(),
    /A->B and B->A mirror in a loop.*same\.names\.both\.ways=true for all of them/)
})

test('the same names in both directions are accepted if the topics do not overlap', () => {
  createConfig(['B->A.enabled = true', identity, 'A->B.topics = a-.*', 'B->A.topics = b-.*'])
  createConfig(['B->A.enabled = true', identity, 'A->B.topics = .*', 'B->A.topics = b-.*',
    'A->B.topics.exclude = b-.*'])
  createConfig(['B->A.enabled = true', 'B->A.topics = .*'])
})

test('a loop over three clusters is found, too', () => {
  const problems = problemsOf([
    'clusters = A, B, C', 'A.bootstrap.servers = a:1', 'B.bootstrap.servers = b:1',
    'C.bootstrap.servers = c:1', 'A->B.enabled = true', 'B->C.enabled = true',
    'C->A.enabled = true', identity
  ])
  assert.equal(problems.length, 1)
  assert.match(problems[0] ?? '', /A->B and B->C and C->A mirror in a loop/)
})

// A renamed topic has no alias: each refresh would have brought it back under one more name.
test('topics that would return under names of topic.rename are refused', () => {
  const rename = 'A->B.topic.rename = (.*)@$1-copy'
  const both = [...twoClusters, 'B->A.enabled = true', rename]
  assert.match(problemsOf([...both, 'B->A.topic.rename = (.*)@$1-again']).join(),
    /A->B mirrors a topic such as \S+ as \S+-copy, which returns to A under a name that A->B/)
  assert.match(problemsOf([...both, 'B->A.replication.policy.class = IdentityReplicationPolicy',
    'A->B.topics = orders.*']).join(), /returns to/)
  // Named after B on A, by which A->B knows them.
  createConfig(['B->A.enabled = true', rename])
  createConfig(['B->A.enabled = true', rename, 'B->A.topics.exclude = .*-copy'])
  createConfig(['B->A.enabled = true', rename, 'A->B.topics = a-.*', 'B->A.topics = b-.*'])
  createConfig([rename])
})

test('an invalid rule of topic.rename is refused with the syntax', () => {
  for (const rule of ['orders', 'orders@', '@x', 'orders@a b', 'orders@x$', 'orders@ä']) {
    assert.match(problemsOf([...twoClusters, `topic.rename = ${rule}`]).join(),
      /topic\.rename.*REGEX@NAME/, rule)
  }
  assert.match(problemsOf([...twoClusters, 'topic.rename = a@$1']).join(),
    /topic\.rename \(line \d+\): a@\$1: \$1 stands for a group, and the expression has 0/)
})

// Regression: with a comment after it the list was one expression, and the flow mirrored nothing.
test('a list with characters of no topic name causes a warning, or a refusal with --strict', () => {
  for (const line of ['A->B.topics = orders # mine', 'topics.exclude = "logs"',
    'topic.rename = orders@x; pay@y', "start.positions = 'orders'@latest"]) {
    const parsed = parseConfig([...twoClusters, line].join('\n'))
    assert.ok(parsed.ok)
    const said = parsed.config.warnings.filter(text =>
      /matches no topic, as no name has/.test(text))
    assert.equal(said.length, 1, line)
    assert.match(said[0] ?? '', /\(line \d+\)/)
    assert.ok(!parseConfig([...twoClusters, line].join('\n'), { isStrict: true }).ok, line)
  }
  const lines = [...twoClusters, 'topics = (?i)orders[0-9]{2}, a|b\\\\.c']
  const parsed = parseConfig(lines.join('\n'))
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.config.warnings, [])
})

test('aliases that begin with each other are refused only if flows lead back', () => {
  const lines = ['clusters = eu, eu.west', 'eu.bootstrap.servers = a:1',
    'eu.west.bootstrap.servers = b:1', 'eu->eu.west.enabled = true']
  const [problem = '', ...more] = problemsOf([...lines, 'eu.west->eu.enabled = true'])
  assert.deepEqual(more, [])
  assert.match(problem, /eu->eu\.west and eu\.west->eu lead back to eu, .* eu\.west\.NAME may come/)
  parseConfigOf(lines)
  parseConfigOf([...lines, 'eu.west->eu.enabled = true', 'replication.policy.separator = __'])
})

test('aliases that contain the separator are accepted in one and in both directions', () => {
  const lines = ['clusters = us-east, us-west', 'us-east.bootstrap.servers = a:1',
    'us-west.bootstrap.servers = b:1', 'us-east->us-west.enabled = true',
    'replication.policy.separator = -']
  parseConfigOf(lines)
  parseConfigOf([...lines, 'us-west->us-east.enabled = true'])
})

test('two aliases of one address cannot keep the names', () => {
  const lines = [...twoClusters.slice(0, 2), 'B.bootstrap.servers = a1:9092,a2:9092',
    'A->B.enabled = true']
  assert.match(problemsOf([...lines, identity]).join(), /are both a1:9092,a2:9092/)
  assert.deepEqual(problemsOf(lines), [])
})

test('a problem names its setting and never shows a secret', () => {
  const parsed = parseConfig([...twoClusters, 'B.security.protocol = SASL_SSL',
    'B.sasl.jaas.config = org.example.TopSecret required password="hunter2";'].join('\n'))
  assert.ok(!parsed.ok)
  const [problem] = parsed.problems
  assert.equal(problem?.setting, 'B.sasl.jaas.config')
  assert.match(problem?.message ?? '', /\[redacted\].*TopSecret is a Java class/)
  assert.doesNotMatch(JSON.stringify(parsed.problems.map(each => each.message)), /hunter2/)
})

test('the proposed name is near', () => {
  assert.equal(nearestName('topcis', ['topics', 'groups']), 'topics')
  assert.equal(nearestName('C', ['A', 'B']), undefined)
  assert.equal(nearestName('xyz', ['topics']), undefined)
  assert.deepEqual([editDistance('', 'abc'), editDistance('ab', 'ba'), editDistance('a', 'a')],
    [3, 1, 0])
})
