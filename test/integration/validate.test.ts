// `longhaul validate`: reports for every topic whether it would be mirrored, under which name, or
// why not, and changes nothing.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { produce } from '../kafka/kafka-producer.ts'
import { createPropertiesFile, runCommand } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const longName = 'long-'.padEnd(245, 'x')

describe('longhaul validate', { timeout: 600_000 }, () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters({}, { config: { 'log.cleaner.max.compaction.lag.ms': '60000' } })
    const { source, target } = clusters
    await source.createTopic('new', { partitions: 3 })
    await source.createTopic('known', { partitions: 4 })
    await source.createTopic('mm2-left.internal')
    await source.createTopic('audit')
    await source.createTopic('west.back')
    await source.createTopic(longName)
    await source.createTopic('parted.name')
    await source.createTopic('patient', { configs: { 'min.compaction.lag.ms': '120000' } })
    await target.createTopic('east.known', { partitions: 2 })
    await target.createTopic('east_parted_name')
  })
  after(async () => { await clusters.close() })

  test('shows topics, remote topics and left-out topics in 80 columns, and creates none',
    async t => {
      const file = createPropertiesFile(t, flowProperties(clusters,
        { 'topics': 'new|known|west.*|audit', 'topics.exclude': 'audit' }))
      const { exit, stderr, stdout } = await runCommand(['validate', file], { COLUMNS: '80' })
      assert.deepEqual({ exit, stderr }, { exit: { code: 0, signal: null }, stderr: '' })
      assert.match(stdout, /^east->west: mirrors 2 of the 8 topics that east shows$/m)
      assert.match(stdout, /│ new +│ east\.new +│ 3 +│ to be created +│/)
      assert.match(stdout, /│ known +│ east\.known +│ 4 +│ 2, to grow +│/)
      assert.match(stdout, /│ audit +│ topics\.exclude matches it +│/)
      assert.match(stdout, /│ mm2-left\.internal +│ its name is that of an internal +│/)
      assert.match(stdout, /│ west\.back +│ an alias in its name says that it +│/)
      assert.match(stdout, /│ patient +│ topics does not match it +│/)
      assert.match(stdout, /│ MirrorMaker 2 +│ Longhaul +│[^]*data\.loss/)
      const widths = stdout.split('\n').map(line => line.length)
      assert.ok(Math.max(...widths) <= 80, stdout)
      const names = await clusters.target.admin.topicNames()
      assert.deepEqual(names.filter(name => !name.startsWith('__')),
        ['east.known', 'east_parted_name'])
      assert.equal(await clusters.target.admin.partitionCount('east.known'), 2)
    })

  test('has the target check the topics to create, and ends with 1 if that fails', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters,
      { topics: 'long.*|patient|parted.*' }))
    const { exit, stdout } = await runCommand(['validate', file])
    assert.equal(exit.code, 1)
    assert.match(stdout, /mirrors 1 of the 8 topics/)
    assert.match(stdout, /│ patient +│ east\.patient +│ 1 +│ to be created +│/)
    assert.match(stdout, /│ parted\.name +│ east\.parted\.name +│ 1 +│ error, see below +│/)
    assert.match(stdout, /^error: parted\.name: .*east_parted_name/m)
    assert.match(stdout, /^error: long-x+: .*has 250 characters, and 249 are allowed/m)
    assert.match(stdout, /^warning: .*min\.compaction\.lag\.ms=120000 of patient/m)
    const names = await clusters.target.admin.topicNames()
    assert.ok(!names.some(name => /patient|parted\.name/.test(name)))
  })

  test('ends with 1 if a topic that the file names is not mirrored, with the reason', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters,
      { 'topics': 'new, audit, gone, mm2-left\\.internal', 'topics.exclude': 'aud.*' }))
    const { exit, stdout } = await runCommand(['validate', file])
    assert.equal(exit.code, 1)
    assert.match(stdout, /^error: topics names audit, .*: topics\.exclude matches it$/m)
    assert.match(stdout, /^error: topics names gone, .*: east shows no topic of this name$/m)
    assert.match(stdout, /^error: topics names mm2-left\.internal, .* that of an internal topic$/m)
  })

  // Regression: a line for each topic hid everything else. And a list of servers of two clusters,
  // or one cluster under two names, was not noticed.
  test('says once what all topics share, and what is wrong with the lists of servers', async t => {
    const { source, target } = clusters
    const factor = createPropertiesFile(t, flowProperties(clusters,
      { 'topics': 'new|known|audit|patient', 'replication.factor': 5 }))
    const refused = await runCommand(['validate', factor])
    assert.equal(refused.exit.code, 1)
    assert.match(refused.stdout,
      /^error: 3 topics \(\w+, \w+, \w+\), of the first: .*replication\.factor=5/m)
    assert.equal(refused.stdout.match(/^error: /gm)?.length, 1, refused.stdout)

    const mixed = createPropertiesFile(t, flowProperties(clusters, {
      'topics': 'new',
      'west.bootstrap.servers':
        [target.bootstrapServers, '127.0.0.1:1', source.bootstrapServers].join()
    }))
    const two = await runCommand(['validate', mixed])
    assert.match(two.stdout,
      /west\.bootstrap\.servers=.*is of cluster \S+, other .*\(BOOTSTRAP_CLUSTERS_DIFFER\)/)
    assert.equal(two.exit.code, 3)

    const twice = createPropertiesFile(t, flowProperties(clusters, {
      'topics': 'new',
      'clusters': 'east, west, again',
      'again.bootstrap.servers': source.bootstrapServers,
      'again->west.enabled': true
    }))
    for (const command of ['validate', 'plan']) {
      const { stdout } = await runCommand([command, twice])
      assert.match(stdout,
        /^warning: (east and again|again and east) are both cluster \S+: .* twice/m)
    }
  })

  test('ends with 3 if the progress topic of the flow cannot be created', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters,
      { 'topics': 'new', 'progress.topic.replication.factor': 5 }))
    const { exit, stdout } = await runCommand(['validate', file])
    assert.match(stdout, /^error: .*\[longhaul-progress\.east\.internal on west, progress\./m)
    assert.equal(exit.code, 3)
  })

  test('prints the same for programs as JSON', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'topics': 'new, known, gone',
      'topics.exclude': '',
      'emit.heartbeats.enabled': true,
      'west->east.heartbeats.topic.replication.factor': 1
    }))
    const { exit, stdout } = await runCommand(['validate', file, '-o', 'json'])
    assert.equal(exit.code, 1)
    const [flow] = JSON.parse(stdout) as Array<{
      readonly topics: ReadonlyArray<{ readonly topic: string }>
      readonly leftOut: ReadonlyArray<{ readonly topic: string, readonly verdict: string }>
      readonly warnings: readonly string[]
      readonly differences: ReadonlyArray<{ readonly longhaul: string }>
    }>
    assert.ok(flow !== undefined)
    const { differences, leftOut, topics, warnings, ...rest } = flow
    assert.ok(differences.some(({ longhaul }) => longhaul.includes('`data.loss`')))
    assert.equal(warnings.length, 1, warnings.join('\n'))
    assert.match(warnings[0] ?? '', /east->west.*Lower heartbeats\.topic\.replication\.factor=3/)
    for (const { admin } of [clusters.source, clusters.target]) {
      assert.ok(!(await admin.topicNames()).includes('heartbeats'), 'validate creates nothing')
    }
    assert.deepEqual(rest, {
      flow: 'east->west',
      problems: [{
        topic: 'gone',
        error: 'topics names it, and it is not mirrored: east shows no topic of this name'
      }]
    })
    assert.deepEqual([...topics].sort((a, b) => a.topic < b.topic ? -1 : 1), [
      { topic: 'known', remoteTopic: 'east.known', sourcePartitions: 4, targetPartitions: 2 },
      { topic: 'new', remoteTopic: 'east.new', sourcePartitions: 3, targetPartitions: 0 }
    ])
    assert.deepEqual(leftOut.find(({ topic }) => topic === 'mm2-left.internal'),
      { topic: 'mm2-left.internal', verdict: 'internal' })
  })

  test('names each cluster that cannot be used, and ends with 3', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters,
      { 'west.bootstrap.servers': '127.0.0.1:1', 'admin.timeout.ms': 4000 }))
    const { exit, stdout } = await runCommand(['validate', file])
    assert.equal(exit.code, 3)
    assert.match(stdout, /^east->west: .*west\.bootstrap\.servers=127\.0\.0\.1:1/m)
    const neither = createPropertiesFile(t, flowProperties(clusters, {
      'east.bootstrap.servers': '127.0.0.1:2',
      'west.bootstrap.servers': '127.0.0.1:1',
      'admin.timeout.ms': 4000
    }))
    const both = await runCommand(['validate', neither])
    assert.equal(both.exit.code, 3)
    assert.match(both.stdout,
      /^east->west: .*east\.bootstrap\.servers=127\.0\.0\.1:2.*west\.bootstrap\.servers=127/m)
  })

  test('refuses an invalid file before any request to a cluster, and ends with 2', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters, { 'east->west.topcis': '.*' }))
    const { exit, stderr } = await runCommand(['validate', '--strict', file])
    assert.equal(exit.code, 2)
    assert.match(stderr, /^error: .*topcis.*topics/m)
  })

  // With MirrorMaker 2 the remote topics exist and contain records. Regression: the first start
  // stopped on each of their partitions, after validate had reported no problem.
  test('ends with 1 if a remote topic has records that the flow has not written', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters, { topics: 'full' }))
    const { source, target } = clusters
    await source.createTopic('full')
    await target.createTopic('east.full')
    await produce(target.bootstrapServers, 'east.full', [{ value: 'of another program' }])
    const { exit, stdout } = await runCommand(['validate', file])
    assert.match(stdout, /^error: full: .*east\.full-0 on west holds offsets 0 to 1.*migrate/m)
    assert.equal(exit.code, 1)
    // Regression: the first step that migrate prints, and the guide, ended with this error.
    const steps = await runCommand(['migrate', file])
    const [step = ''] = /longhaul validate .*/.exec(steps.stdout) ?? []
    const checked = await runCommand(step.split(' ').slice(1))
    assert.equal(checked.exit.code, 0, `${step}\n${checked.stdout}${checked.stderr}`)
    // Regression: migrate validates first, and stopped here on the records that it was to import.
    const misspelt = createPropertiesFile(t, flowProperties(clusters,
      { 'topics': 'full', 'topics.exclud': 'none' }))
    const migrated = await runCommand(['migrate', misspelt, '--yes', '--quiet-seconds', '0'])
    assert.doesNotMatch(migrated.stdout, /east\.full-0 on west holds offsets/)
    assert.match(`${migrated.stdout}${migrated.stderr}`, /mm2-offsets\.east\.internal/)
    // Regression: migrate read the file for each of its steps, and printed its warnings each time.
    assert.equal(migrated.stderr.match(/^warning: .*topics\.exclud/gm)?.length, 1, migrated.stderr)
    // Regression: a flow that has mirrored nothing yet ended the import with an error.
    await target.createTopic('no-positions')
    const none = await runCommand(
      ['offsets', 'import-mm2', file, '--offsets-topic', 'no-positions'])
    assert.equal(none.exit.code, 0, `${none.stdout}${none.stderr}`)
    assert.match(none.stdout, /east->west: 0 positions would be imported/)
    const begun = createPropertiesFile(t, flowProperties(clusters,
      { 'topics': 'full', 'target.not.empty': 'begin' }))
    assert.equal((await runCommand(['validate', begun])).exit.code, 0)
  })
})
