// What operators do from a command line: show a flow, pause and resume it, skip a record, while it
// runs and while it does not.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { eventually } from '../kafka/eventually.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { countRecords, untilRecords } from './comparison.ts'
import {
  changes, reads, runDocumentedCommands, sendDocumentedRequests
} from './documented-runs.ts'
import { commitOffsets } from './group-commit.ts'
import {
  createPropertiesFile, MirrorProcess, runCommand, startMirror
} from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { numbered, untilShown } from './failures/fault-probe.ts'

interface ShownPartition {
  readonly topic: string
  readonly sourceOffset: string | null
  readonly sourceEnd: string | null
  readonly lag: string | null
  readonly paused: string | null
}

interface ShownFlow {
  readonly processes: number
  readonly members: ReadonlyArray<{ readonly name: string, readonly address: string }>
  readonly partitions: readonly ShownPartition[]
}

/** Of metrics and API. */
function urlOf (mirror: MirrorProcess): string {
  return String(mirror.log.find(each => typeof each['url'] === 'string')?.['url'])
}

/** From the clusters, or with --url from the process. */
async function untilTranslated (
  file: string, options: readonly string[], topic: string
): Promise<void> {
  const offsets = [
    { remoteTopic: `east.${topic}`, partition: 0, sourceOffset: '4', targetOffset: '4' }
  ]
  const expected = [
    { flow: 'east->west', problems: [], groups: [{ group: 'billing', offsets }] }
  ]
  await eventually('the group in groups', async () => {
    const { stdout } = await runCommand(['groups', file, '--group', 'billing', '-o', 'json',
      ...options])
    return stdout !== '' && isDeepStrictEqual(JSON.parse(stdout), expected)
  })
}

describe('the commands of an operator', { timeout: 600_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  const show = async (file: string): Promise<{ code: number | null, flow: ShownFlow }> => {
    const { exit, stdout, stderr } = await runCommand(['status', file, '-o', 'json'])
    const [flow] = JSON.parse(stdout === '' ? '[]' : stdout) as ShownFlow[]
    assert.ok(flow !== undefined, stderr)
    return { code: exit.code, flow }
  }

  /** Resolves when a new topic with this many records is mirrored. */
  const startMirrored = async (
    t: TestContext, topic: string, count: number
  ): Promise<{ readonly file: string, readonly mirror: MirrorProcess }> => {
    const { source, target } = clusters
    await source.createTopic(topic)
    await produce(source.bootstrapServers, topic, numbered(0, count))
    const file = createPropertiesFile(t, flowProperties(clusters, { 'east->west.topics': topic }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, `east.${topic}`, count)
    return { file, mirror }
  }

  test('refuse a flow that has never run', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters, { 'east->west.topics': 'never' }))
    const paused = await runCommand(['pause', file, '--reason', 'a test'])
    assert.equal(paused.exit.code, 1)
    assert.match(paused.stderr, /east->west has never run.*Start it with longhaul run FILE/)
    assert.equal((await runCommand(['status', file])).exit.code, 1)
    assert.ok((await clusters.target.admin.topicNames()).every(name => !name.includes('longhaul')))
  })

  // Regression: a cluster that no group has used yet has no coordinator until the first client has
  // asked for one, and the command ended with COORDINATOR_NOT_AVAILABLE.
  test('wait for the coordinator of a group at a cluster that has no group yet', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters, { topics: 'none' }))
    const { exit, stderr } = await runCommand(['offsets', 'translate', file, '--group', 'nobody'])
    assert.equal(exit.code, 1)
    assert.equal(stderr, 'error: nobody has committed no offset of a topic that is mirrored; ' +
      'check the name of the group')
  })

  test('pause, show and resume a topic, also while no process runs', async t => {
    const { source, target } = clusters
    const topic = 'orders'
    const { file, mirror: first } = await startMirrored(t, topic, 10)
    const running = await show(file)
    assert.equal(running.code, 0)
    assert.equal(running.flow.processes, 1)
    assert.equal(running.flow.members.length, 1)

    const dry = await runCommand(['pause', file, '--topic', topic, '--reason', 'x', '--dry-run'])
    assert.match(dry.stdout, /orders is paused \(not written: --dry-run\)/)
    assert.equal((await show(file)).flow.partitions[0]?.paused, null)
    // A mistyped name, or that of the remote topic, must not look like a success.
    const doubts = [
      [['nosuch'], /^warning: east->west: the flow does not mirror nosuch \(not matched\);/m],
      [[`east.${topic}`], /the flow does not mirror east\.orders \(/],
      [[topic, '--partition', '1'], /orders has 1 partition, and no partition 1/]
    ] as const
    for (const [args, doubt] of doubts) {
      const doubted = await runCommand(
        ['pause', file, '--reason', 'x', '--dry-run', '--topic', ...args])
      assert.match(doubted.stderr, doubt)
      assert.equal(doubted.exit.code, 0)
    }
    assert.equal(dry.stderr, '')

    const said = await runCommand(['pause', file, '--topic', topic, '--reason', 'a test'])
    assert.deepEqual(said.exit, { code: 0, signal: null }, said.stderr)
    await untilShown(first, 'paused', 1)
    await produce(source.bootstrapServers, topic, numbered(10, 20))
    const { flow: { partitions: [held] } } = await show(file)
    assert.match(held?.paused ?? '', /: a test$/)
    assert.deepEqual([held?.sourceEnd, held?.lag], ['20', '10'])
    assert.equal(await countRecords(target, `east.${topic}`), 10)
    const listed = await runCommand(['partitions', 'list', file, '--url', urlOf(first)])
    assert.match(listed.stdout, /orders-0 .* paused .*: a test/)

    assert.equal((await first.stop()).code, 0)
    assert.equal((await show(file)).code, 10, 'no process runs the flow')
    assert.match((await runCommand(['status', file])).stdout,
      /^ {2}orders is paused by .* at 20\d\d-.*Z: a test$/m)
    // Regression: this said "the flow is resumed", and nothing of the topic that stays paused.
    const whole = await runCommand(['resume', file, '--reason', 'over', '--dry-run'])
    assert.match(whole.stderr, /^warning: east->west: the flow has no pause of its own; /)
    assert.match(whole.stderr, /; still paused: orders \(by .*: a test\); resume each by its /)
    const over = await runCommand(['resume', file, '--topic', topic, '--reason', 'over'])
    assert.deepEqual([over.exit.code, over.stderr], [0, ''])
    const second = await startMirror(t, file)
    await untilRecords(second, target, `east.${topic}`, 20)
    // The next process would wait until the group has removed a killed one.
    assert.equal((await second.stop()).code, 0)
  })

  test('end as the documents say while a mirror runs', async t => {
    const { source, target } = clusters
    const [topic, token] = ['documented', 'a-token-of-24-characters']
    await source.createTopic(topic)
    await produce(source.bootstrapServers, topic, numbered(0, 10))
    const admin = createAdmin(t, source.bootstrapServers)
    await commitOffsets(admin, 'billing', [{ topic, partition: 0, offset: 4n, metadata: '' }])
    const file = createPropertiesFile(t, flowProperties(clusters,
      {
        'east->west.topics': topic, 'api.token': token,
        'sync.group.offsets.enabled': true, 'sync.group.offsets.interval.seconds': 1
      }))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, `east.${topic}`, 10)
    const url = urlOf(mirror)
    const names = { file, topic, url, token, folder: dirname(file) }
    await untilTranslated(file, [], topic)
    await untilTranslated(file, ['--url', url], topic)
    const unknown = await runCommand(['groups', file, '--group', 'nosuch'])
    assert.equal(unknown.exit.code, 1)
    assert.match(unknown.stderr, /nosuch has no committed offset that a flow can translate/)
    assert.deepEqual(await runDocumentedCommands(names, reads), [])
    assert.match(readFileSync(join(names.folder, 'billing.csv'), 'utf8'), /east\.documented,0,4/)
    assert.deepEqual(await runDocumentedCommands(names, changes), [])
    assert.deepEqual(await sendDocumentedRequests(names), [])
    await untilShown(mirror, 'paused', 1)
    assert.equal((await mirror.stop()).code, 0)
  })

  // Regression: an empty table and exit code 0, and "caught up" of no partition at all.
  test('report a topic that no flow mirrors, and choose one flow', async t => {
    const topic = 'chosen'
    const { file, mirror } = await startMirrored(t, topic, 5)
    for (const command of [['status'], ['topics'], ['partitions', 'list'], ['lag'],
      ['wait', '--caught-up', '--timeout', '5s']]) {
      const { exit, stderr, stdout } =
        await runCommand([...command, file, '--topic', 'nosuch'])
      assert.match(stdout + stderr, /east->west does not mirror nosuch: not matched/)
      assert.equal(exit.code, 1, command.join(' '))
    }
    const byApi = await runCommand(['wait', '--caught-up', '--timeout', '5s', file, '--topic',
      'nosuch', '--url', urlOf(mirror)])
    assert.match(byApi.stderr, /east->west does not mirror nosuch: not matched/)
    assert.equal(byApi.exit.code, 1)
    const one = await runCommand(['status', file, '--flow', 'east->west', '--topic', topic])
    assert.equal(one.exit.code, 0, one.stderr)
    assert.match(one.stdout, /chosen-0/)
    const other = await runCommand(['status', file, '--flow', 'a->b'])
    assert.equal(other.exit.code, 2)
    assert.match(other.stderr, /--flow=a->b: the file enables east->west/)
    assert.equal((await mirror.stop()).code, 0)
  })

  test('show a flow repeatedly until a signal, without codes of a terminal', async t => {
    const { file, mirror } = await startMirrored(t, 'watched', 5)
    const watching = new MirrorProcess(['status', file, '--watch'])
    t.after(async () => { await watching.kill() })
    await watching.until('two looks', () => watching.stdout.split(/^east->west/m).length === 3)
    watching.signal('SIGINT')
    assert.deepEqual(await watching.untilExit(), { code: 0, signal: null })
    assert.ok(!watching.stdout.includes('\u001b'), watching.stdout)
    assert.equal((await mirror.stop()).code, 0)
  })

  test('skip forward, and never back', async t => {
    const { source, target } = clusters
    const topic = 'skipped'
    const { file, mirror } = await startMirrored(t, topic, 10)
    const skip = async (to: string) => await runCommand(['partitions', 'skip', file,
      '--topic', topic, '--partition', '0', '--to', to, '--reason', 'a test'])
    // The position is in the progress topic after the next interval at the latest.
    assert.equal((await mirror.stop()).code, 0)
    const back = await skip('10')
    assert.equal(back.exit.code, 1)
    assert.match(back.stderr, /skipped-0 is at source offset 10 and can only skip to a later one/)
    await produce(source.bootstrapServers, topic, numbered(10, 13))
    assert.equal((await skip('12')).exit.code, 0)
    const again = await startMirror(t, file)
    await untilRecords(again, target, `east.${topic}`, 11)
  })

  test('report options that contradict each other', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters, {}))
    for (const [args, text] of [
      [['pause', file, '--partition', '3', '--reason', 'x'], /--partition needs --topic/],
      [['pause', file, '--flow', 'a->b', '--reason', 'x'],
        /--flow=a->b: the file enables east->west/],
      [['partitions', 'skip', file, '--topic', 't', '--to', '1', '--reason', 'x'],
        /a skip needs --topic and --partition/],
      [['pause', file], /--reason/]
    ] as const) {
      const { exit, stderr } = await runCommand([...args])
      assert.equal(exit.code, 2)
      assert.match(stderr, text)
    }
  })
})
