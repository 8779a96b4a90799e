// Properties by which MirrorMaker 2 changes records, which Longhaul does not: refused, until
// --ignore accepts unchanged records.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { knownPolicies } from '../../../src/orchestrator/policy/known-policies.ts'
import { createConfig, problemsOf, twoClusters } from './create-config.ts'

const converters = 'org.apache.kafka.connect.converters.ByteArrayConverter'

test('a property by which MirrorMaker 2 changes records is refused, at every level', () => {
  const refused = [
    'transforms=mask', 'A->B.transforms=mask', 'B.transforms=mask', 'predicates=isOrder',
    'key.converter=org.apache.kafka.connect.json.JsonConverter',
    'B.value.converter=org.apache.kafka.connect.storage.StringConverter',
    'A->B.header.converter=org.apache.kafka.connect.storage.SimpleHeaderConverter'
  ]
  for (const line of refused) {
    const [problem = '', ...others] = problemsOf([...twoClusters, line])
    assert.equal(others.length, 0)
    assert.ok(problem.startsWith(`${line} (line 5)`), problem)
    // Properties that belong to it change nothing alone, and cause a warning.
    const belonging = ['transforms.mask.type=x.MaskField', 'key.converter.schemas.enable=false']
    assert.equal(problemsOf([...twoClusters, line, ...belonging]).length, 1)
  }
})

// Regression: such a line was warned of, and --strict refused a file that means the same here.
test('a value that changes no record is accepted without a warning', () => {
  for (const line of ['transforms=', 'predicates=', `key.converter=${converters}`,
    'value.converter=ByteArrayConverter', `A->B.header.converter=${converters}`]) {
    assert.deepEqual(createConfig([line], { isStrict: true }).warnings, [])
  }
})

test('--ignore reads the file without the property, at every level, with a warning',
  () => {
    const lines = ['transforms=a', 'A->B.transforms=b', 'A->B.topics.exclude=c', 'misspelt=1']
    const { flows: [flow], warnings } = createConfig(lines,
      { ignored: ['transforms', 'misspelt', 'topics', 'A->B.topics.exclude', 'absent'] })
    assert.deepEqual(warnings, [
      'transforms (line 5) is ignored, as --ignore transforms says',
      'A->B.transforms (line 6) is ignored, as --ignore transforms says',
      'A->B.topics.exclude (line 7) is ignored, as --ignore A->B.topics.exclude says',
      'misspelt (line 8) is ignored, as --ignore misspelt says',
      '--ignore topics: the file has no such property',
      '--ignore absent: the file has no such property'
    ])
    assert.ok(flow?.settings['topics.exclude'].includes('__.*'))
  })

test('a policy or a filter that is not known is refused with the way out, and is the default ' +
  'where it is ignored', () => {
  const wayOut: Readonly<Record<string, RegExp>> = {
    'replication.policy.class': /if it keeps the names, write IdentityReplicationPolicy$/,
    'topic.filter.class': /start with --ignore topic\.filter\.class$/,
    'config.property.filter.class': /start with --ignore config\.property\.filter\.class$/
  }
  for (const [name, expected] of Object.entries(wayOut)) {
    const line = `${name}=com.example.Own`
    const [problem = '', ...others] = problemsOf([...twoClusters, line])
    assert.deepEqual(others, [])
    assert.ok(problem.startsWith(`${line} (line 5): allowed is Default`), problem)
    assert.match(problem, expected)
    const { flows: [flow] } = createConfig([line], { ignored: [name] })
    assert.equal(flow?.policy.remoteTopic('orders'), 'A.orders')
  }
})

test('a known policy of another author keeps names, and its differences are reported', () => {
  for (const [name, { means, remark }] of Object.entries(knownPolicies)) {
    const { flows: [flow], warnings } = createConfig([`replication.policy.class = ${name}`],
      { isStrict: true })
    assert.equal(means, 'IdentityReplicationPolicy')
    assert.equal(flow?.policy.remoteTopic('orders'), 'orders')
    assert.deepEqual(warnings, remark === undefined ? [] :
      [`replication.policy.class=${name} (line 5): ${remark}`])
  }
})
