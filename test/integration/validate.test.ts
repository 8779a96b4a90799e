// `longhaul validate`: says what would be mirrored under which names, and changes nothing.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createPropertiesFile, runCommand } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

describe('longhaul validate', () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters()
    const { source, target } = clusters
    await source.createTopic('new', { partitions: 3 })
    await source.createTopic('known', { partitions: 4 })
    await source.createTopic('left.internal')
    await target.createTopic('east.known', { partitions: 2 })
  })
  after(async () => { await clusters.close() })

  test('lists topics, remote topics and partitions as a table, and makes none of them', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters, {}))
    const { exit, stderr, stdout } = await runCommand(['validate', file])
    assert.deepEqual({ exit, stderr }, { exit: { code: 0, signal: null }, stderr: '' })
    assert.match(stdout, /^east->west: 2 topics$/m)
    assert.match(stdout, /│ new +│ east\.new +│ 3 +│ will be made +│/)
    assert.match(stdout, /│ known +│ east\.known +│ 4 +│ 2, will grow +│/)
    const names = await clusters.target.admin.topicNames()
    assert.deepEqual(names.filter(name => !name.startsWith('__')), ['east.known'])
    assert.equal(await clusters.target.admin.partitionCount('east.known'), 2)
  })

  test('says the same to programs as JSON', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters, {}))
    const { exit, stdout } = await runCommand(['validate', file, '-o', 'json'])
    assert.equal(exit.code, 0)
    const [flow] = JSON.parse(stdout) as Array<{ flow: string, topics: Array<{ topic: string }> }>
    assert.deepEqual({ ...flow, topics: flow?.topics.sort((a, b) => a.topic < b.topic ? -1 : 1) }, {
      flow: 'east->west',
      topics: [
        { topic: 'known', remoteTopic: 'east.known', sourcePartitions: 4, targetPartitions: 2 },
        { topic: 'new', remoteTopic: 'east.new', sourcePartitions: 3, targetPartitions: 0 }
      ],
      problems: []
    })
  })

  test('names the cluster that cannot be used, and ends with 3', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters,
      { 'west.bootstrap.servers': '127.0.0.1:1', 'admin.timeout.ms': 4000 }))
    const { exit, stdout } = await runCommand(['validate', file])
    assert.equal(exit.code, 3)
    assert.match(stdout, /^east->west: .*west\.bootstrap\.servers=127\.0\.0\.1:1/m)
  })

  test('refuses a file that is wrong before it asks any cluster, and ends with 2', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters, { 'east->west.topcis': '.*' }))
    const { exit, stderr } = await runCommand(['validate', file])
    assert.equal(exit.code, 2)
    assert.match(stderr, /^error: .*topcis.*topics/m)
  })
})
