// Properties without effect cause a warning, because MirrorMaker 2 ignores them, and are refused
// with --strict.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../src/orchestrator/config/parse-config.ts'
import { createConfig, problemsOf, twoClusters } from './create-config.ts'

// Lines that no reader knows, and the text for each.
const unknown: ReadonlyArray<readonly [string, RegExp]> = [
  ['A->B.topcs = x', /^A->B\.topcs \(line 5\) has no effect: .*; did you mean A->B\.topics\?$/],
  ['A.boostrap.servers = x:1', /did you mean A\.bootstrap\.servers\?/],
  ['metrics.prot = 1', /did you mean metrics\.port\?/],
  ['replicaton.factor = 1', /did you mean replication\.factor\?/],
  ['A.consummer.fetch.max.bytes = 1', /did you mean A\.consumer\.fetch\.max\.bytes\?/],
  ['A.consumer.fetch.maxbytes = 1', /did you mean A\.consumer\.fetch\.max\.bytes\?/],
  ['B.producer.lingerms = 1', /did you mean B\.producer\.linger\.ms\?/],
  ['something.else.entirely.that.is.new = 1', /^something\.else\.\S+ .* has this name$/],
  ['A -> B.topics = x', /^A \(line 5\) has no effect: the name of a flow is written without/],
  ['A->BB.enabled = true', /the cluster "BB" is not in clusters=A, B; did you mean B\?/],
  ['C.bootstrap.servers = c:1', /^C\.bootstrap\.servers .* the cluster "C" is not in/]
]

// Lines that are known and have no effect.
const idle: ReadonlyArray<readonly [string, RegExp]> = [
  ['group.id = x', /^group\.id \(line 5\) has no effect: write TARGET\.group\.id/],
  ['A->B.group.id = x', /^A->B\.group\.id \(line 5\) has no effect: write TARGET\.group\.id/],
  ['tasks.max = 4', /^tasks\.max \(line 5\) has no effect: .* set lanes$/],
  ['offset.storage.partitions = 3', /^offset\.storage\.partitions .* Kafka Connect worker/],
  ['A.consumer.max.poll.records = 5', /^A\.consumer\.max\.poll\.records .* has no effect/],
  ['consumer.fetch.min.bytes = 5', /has no effect: write CLUSTER\.consumer\.fetch\.min\.bytes/],
  ['A->B.consumer.topics = x', /^A->B\.consumer\.topics .* has no effect: write topics$/],
  ['A->B.security.protocol = SSL', /has no effect: a client property needs a side/],
  ['A.bootstrap.servers = a2:9092', /is on line 2 and on line 5: the last one counts/],
  // Regression: a flow reads its settings at its target: at the source they were ignored without a
  // warning.
  ['A.topics = orders', /^A\.topics .* no flow leads to A; write A->TARGET\.topics with/],
  ['A.lanes = 4', /^A\.lanes .* no flow leads to A/],
  ['A.replication.factor = 1', /^A\.replication\.factor .* no flow leads to A/],
  ['A.batch.size = 1000', /^A\.batch\.size .* no flow leads to A/],
  ['B.fetch.max.bytes = 5000', /read at the source of a flow, and no flow leads from B$/],
  ['A->B.topic.__x.data.loss = skip', /has no effect: no flow mirrors the topic __x/]
]

for (const [line, expected] of [...unknown, ...idle]) {
  test(`${line} causes a warning, or a refusal with --strict`, () => {
    const { warnings } = createConfig([line])
    assert.equal(warnings.length, 1, warnings.join('\n'))
    assert.match(warnings[0] ?? '', expected)
    assert.deepEqual(problemsOf([...twoClusters, line], { isStrict: true }), warnings)
  })
}

test('an unknown name is refused on the command line', () => {
  for (const [line, expected] of unknown.filter(([line]) => !line.startsWith('A ->'))) {
    const [problem = '', ...more] = problemsOf(twoClusters, { overrides: [line] })
    assert.deepEqual(more, [])
    assert.match(problem.replace('(-X):', '(line 5) has no effect:'), expected)
  }
})

test('with --strict every line of a family is refused, unless --ignore names it', () => {
  const lines = ['status.storage.topic = x', 'status.storage.partitions = 3', 'tasks.max = 4']
  const problems = problemsOf([...twoClusters, ...lines],
    { isStrict: true, ignored: ['tasks.max'] })
  assert.equal(problems.length, 2, problems.join('\n'))
  const parsed = parseConfig([...twoClusters, ...lines].join('\n'), {
    isStrict: true, ignored: ['tasks.max', 'status.storage.topic', 'status.storage.partitions']
  })
  assert.ok(parsed.ok)
})

test('a lowered value and an older name are no reason to refuse', () => {
  createConfig(['A.consumer.fetch.max.bytes = 2147483647', 'topics.blacklist = x'],
    { isStrict: true })
})
