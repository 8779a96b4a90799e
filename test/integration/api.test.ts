// The API of real processes on real clusters: orders reach every process and survive restarts, a
// request without the token changes nothing, and commands and API wait for the same end.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { produce } from '../kafka/kafka-producer.ts'
import { alterTopicConfig } from '../kafka/partition-operations.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { countRecords, untilRecords } from './comparison.ts'
import { numbered, skippedRecords, untilShown } from './failures/fault-probe.ts'
import {
  createPropertiesFile, runCommand, startMirror, writeProperties, type MirrorProcess,
  type Properties
} from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const token = 'a-token-of-24-characters'
const bearer = { authorization: `Bearer ${token}` }
const slots = 32

interface Shown { readonly [field: string]: unknown }
interface Flow extends Shown {
  readonly partitionsByState: Readonly<Record<string, number>>
  readonly orders: { readonly pauses: readonly Shown[], readonly skips: readonly Shown[] }
}
interface Member { readonly slots: readonly number[], readonly address: string }

function urlOf (mirror: MirrorProcess, path: string): string {
  const line = mirror.log.find(each => typeof each['url'] === 'string')
  return `${String(line?.['url'])}/api/v1/flows/east-%3Ewest${path}`
}

async function get<Answer> (mirror: MirrorProcess, path = ''): Promise<Answer> {
  const response = await fetch(urlOf(mirror, path))
  assert.equal(response.status, 200, path)
  return await response.json() as Answer
}

async function post (
  mirror: MirrorProcess, path: string, body: object, headers: Record<string, string> = bearer
): Promise<Response> {
  return await fetch(urlOf(mirror, path), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body)
  })
}

describe('the API', { timeout: 300_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('pauses in every process, also after a restart, and only with the token', async t => {
    const { source, target } = clusters
    const topic = 'held'
    await source.createTopic(topic, { partitions: 4 })
    const write = async (from: number): Promise<void> => {
      await produce(source.bootstrapServers, topic,
        [0, 1, 2, 3].flatMap(partition => numbered(from, from + 5, partition)))
    }
    await write(0)
    const file = createPropertiesFile(t, flowProperties(clusters,
      { 'east->west.topics': topic, 'api.token': token }))
    const first = await startMirror(t, file)
    const second = await startMirror(t, file)
    await untilRecords(first, target, `east.${topic}`, 20)
    const members = await first.until('two members that share the slots', async () => {
      const found = (await get<{ members: Member[] }>(first, '/members')).members
      return found.length === 2 && found.every(each => each.slots?.length === slots / 2) && found
    })
    assert.deepEqual(members.flatMap(each => each.slots).sort((one, other) => one - other),
      Array.from({ length: slots }, (_, slot) => slot))

    const order = { topic, reason: 'ticket 17', by: 'ann' }
    assert.equal((await post(first, '/pause', order, {})).status, 401)
    assert.equal((await post(first, '/pause', order, { authorization: 'Bearer x' })).status, 401)
    assert.deepEqual((await get<Flow>(first)).orders.pauses, [])
    const said = await post(first, '/pause', order)
    assert.equal(said.status, 202, await said.text())
    for (const mirror of [first, second]) await untilShown(mirror, 'paused', 2)
    await write(5)
    const [pause] = (await get<Flow>(second)).orders.pauses
    assert.deepEqual([pause?.['topic'], pause?.['reason'], pause?.['by']],
      [topic, 'ticket 17', 'ann (api@127.0.0.1)'])
    for (const mirror of [first, second]) assert.equal((await mirror.stop()).code, 0)

    const third = await startMirror(t, file)
    await untilShown(third, 'paused', 4)
    assert.equal(await countRecords(target, `east.${topic}`), 20)
    const { partitions } = await get<{ partitions: Array<{ pause: Shown }> }>(third,
      '/partitions?state=paused')
    assert.deepEqual(partitions.map(each => each.pause['reason']), Array(4).fill('ticket 17'))

    // A wait of the command and of the API for what a paused flow does not mirror.
    const waiting = await runCommand(['wait', file, '--caught-up', '--timeout', '1s'])
    assert.equal(waiting.exit.code, 10, waiting.stderr)
    assert.match(waiting.stdout, /4 of 4 partitions are behind .* held-0 is at .* 5 of 10/)
    assert.equal((await fetch(urlOf(third, '/caught-up?timeout=100ms'))).status, 504)
    const later = runCommand(['wait', file, '--caught-up', '--timeout', '60s', '-o', 'json'])
    const answer = fetch(urlOf(third, '/caught-up?timeout=60s'))
    assert.equal((await post(third, '/resume', { topic, reason: 'over' })).status, 202)
    assert.equal((await answer).status, 200)
    const { exit, stdout } = await later
    assert.equal(exit.code, 0)
    assert.equal((JSON.parse(stdout) as Array<{ isCaughtUp: boolean }>)[0]?.isCaughtUp, true)
    assert.equal(await countRecords(target, `east.${topic}`), 40)
  })

  test('shows a fault, retries one partition and skips another', async t => {
    const { source, target } = clusters
    const topic = 'large'
    await source.createTopic(topic, { partitions: 2 })
    await target.createTopic(`east.${topic}`,
      { partitions: 2, configs: { 'max.message.bytes': '2000' } })
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'east->west.topics': topic,
      'api.token': token,
      // Only an order causes a retry.
      'fault.retry.interval.ms': 3_600_000
    }))
    const mirror = await startMirror(t, file)
    const events = new AbortController()
    const stream = await fetch(urlOf(mirror, '').replace(/\/flows\/.*/, '/events'),
      { signal: events.signal })
    const moves: Array<{ partition: number, state: string, error: string }> = []
    const reading = (async () => {
      let text = ''
      for await (const chunk of stream.body ?? []) {
        text += Buffer.from(chunk as Uint8Array).toString()
        const whole = text.split('\n\n')
        text = whole.pop() ?? ''
        for (const each of whole) {
          const [, data] = /^event: move\ndata: (.*)$/.exec(each) ?? []
          if (data !== undefined) moves.push(JSON.parse(data) as (typeof moves)[number])
        }
      }
    })().catch(() => {})
    for (const value of ['small', 'x'.repeat(4000), 'behind']) {
      await produce(source.bootstrapServers, topic,
        [0, 1].map(partition => ({ value, partition })), { lingerMs: 0 })
    }
    await untilShown(mirror, 'faulted', 2)
    const faulted = await get<{ partitions: Shown[] }>(mirror, '/partitions?state=faulted')
    assert.deepEqual(faulted.partitions.map(each => [each['partition'], each['error']]),
      [[0, 'RECORD_TOO_LARGE'], [1, 'RECORD_TOO_LARGE']])
    await mirror.until('events of both faults', () => [0, 1].every(partition =>
      moves.some(each => each.partition === partition && each.state === 'faulted' &&
        each.error === 'RECORD_TOO_LARGE')))
    const listed = await runCommand(['partitions', 'list', file, '--state',
      'faulted', '--url', urlOf(mirror, '').replace(/\/api\/.*/, ''), '-o', 'json'])
    assert.equal(listed.exit.code, 10, listed.stderr)
    const [shown] = JSON.parse(listed.stdout) as Array<{ partitions: Shown[] }>
    assert.equal(shown?.partitions.length, 2)

    const back = await post(mirror, '/skip', { topic, partition: 0, to: '1', reason: 'x' })
    assert.equal(back.status, 409)
    assert.match(await back.text(), /can only skip to a later one/)
    const skipped = await post(mirror, '/skip', { topic, partition: 0, to: '2', reason: 'large' })
    assert.equal(skipped.status, 202, await skipped.text())
    await untilRecords(mirror, target, `east.${topic}`, 3)
    assert.equal(await skippedRecords(mirror, topic, 'operator'), 1)
    await alterTopicConfig(target, `east.${topic}`, { 'max.message.bytes': '100000' })
    const retried = await runCommand(['partitions', 'retry', file, '--topic', topic,
      '--partition', '1', '--reason', 'more room'])
    assert.equal(retried.exit.code, 0, retried.stderr)
    await untilRecords(mirror, target, `east.${topic}`, 5)
    assert.equal((await get<Flow>(mirror))['recordsSkipped'], 1)
    await mirror.until('the same records in the API and in the metrics', async () => {
      const series = seriesOf(await mirror.metrics(), 'longhaul_records_forwarded_total')
      const [records = 0] = Object.values(series)
      return records > 2 && (await get<Flow>(mirror))['records'] === records
    })
    await mirror.until('events of both recoveries', () => [0, 1].every(partition =>
      moves.findLast(each => each.partition === partition)?.state === 'running'))
    events.abort()
    await reading
    assert.equal((await mirror.stop()).code, 0)
  })

  test('refuses a reload of a wrong file, and no process changes', async t => {
    const { source, target } = clusters
    for (const topic of ['kept', 'more']) {
      await source.createTopic(topic)
      await produce(source.bootstrapServers, topic, numbered(0, 10))
    }
    const properties = flowProperties(clusters, { 'east->west.topics': 'kept', 'api.token': token })
    const file = createPropertiesFile(t, properties)
    const mirrors = [await startMirror(t, file), await startMirror(t, file)] as const
    const [first] = mirrors
    await untilRecords(first, target, 'east.kept', 10)
    const reload = async (more: Properties, body: object = {}): Promise<Response> => {
      writeProperties(file, { ...properties, ...more })
      return await post(first, '/../../reload', { reason: 'ticket 17', ...body })
    }
    const wrongFiles: ReadonlyArray<readonly [Properties, RegExp]> = [
      [{ 'east->west.topics': 'kept|more', 'replication.factor': 'three' },
        /replication\.factor=three .*: allowed is -1, or 1 to 32767\. .*CONFIG_INVALID/],
      [{ 'east->west.topics': 'kept|more', 'metrics.port': 1 },
        /metrics\.port\. Restart the process, or undo the change.*CONFIG_NEEDS_RESTART/]
    ]
    for (const [more, text] of wrongFiles) {
      const refused = await reload(more)
      assert.equal(refused.status, 409)
      assert.match((await refused.json() as { error: { text: string } }).error.text, text)
    }
    const changed = { 'east->west.topics': 'kept|more' }
    const lines = ['east->west: topics: kept -> kept|more']
    for (const dryRun of [true, false]) {
      const answer = await reload(changed, { dryRun })
      assert.equal(answer.status, 202)
      assert.deepEqual((await answer.json() as { changes: unknown }).changes, lines)
    }
    await untilRecords(first, target, 'east.more', 10)
    for (const mirror of mirrors) {
      await mirror.untilLogged('the reload', ({ text }) => text.includes('kept -> kept|more'))
      assert.equal(mirror.log.filter(({ text }) => text.includes('was read again')).length, 1)
      assert.equal((await mirror.stop()).code, 0)
    }
  })

  test('the commands read flows from Kafka alone, and reload all processes', async t => {
    const { source, target } = clusters
    for (const topic of ['one', 'two']) {
      await source.createTopic(topic)
      await produce(source.bootstrapServers, topic, numbered(0, 10))
    }
    const properties = flowProperties(clusters,
      { 'east->west.topics': 'one', 'refresh.topics.interval.seconds': 600 })
    const file = createPropertiesFile(t, properties)
    const mirrors = [await startMirror(t, file), await startMirror(t, file)]
    const [first] = mirrors
    assert.ok(first !== undefined)
    await untilRecords(first, target, 'east.one', 10)
    writeProperties(file, { ...properties, 'east->west.topics': 'one,two' })
    const dry = await runCommand(['reload', file, '--reason', 'x', '--dry-run'])
    assert.match(dry.stdout, /--dry-run/)
    assert.equal((await runCommand(['reload', file, '--reason', 'more topics'])).exit.code, 0)
    for (const mirror of mirrors) {
      await mirror.untilLogged('the reload', ({ text }) =>
        /again: east->west: topics: one/.test(text))
    }
    await untilRecords(first, target, 'east.two', 10)
    assert.equal((await runCommand(
      ['log-level', file, '--level', 'debug', '--reason', 'x'])).exit.code, 0)
    for (const mirror of mirrors) {
      await mirror.untilLogged('the level', ({ text }) => text.startsWith('the log level is debug'))
    }
    // Each move of a partition is a line of that level.
    const held = ['--topic', 'one', '--reason', 'x', '-o', 'yaml']
    assert.equal((await runCommand(['pause', file, ...held])).exit.code, 0)
    await first.until('a line of the level', () => mirrors.some(({ log }) =>
      log.some(({ level, topic }) => level === 'debug' && topic === 'one')))
    assert.equal((await runCommand(['resume', file, ...held])).exit.code, 0)
    assert.equal((await runCommand(['wait', file, '--caught-up', '--timeout', '60s'])).exit.code, 0)
    const lag = await runCommand(['lag', file, '-o', 'yaml'])
    assert.equal(lag.exit.code, 0, lag.stderr)
    assert.match(lag.stdout,
      /topic: one\n +partitions: 1\n +faulted: 0\n +paused: 0\n +lagRecords: 0/)
    const members = await runCommand(['members', file, '-o', 'json'])
    const [flow] = JSON.parse(members.stdout) as Array<{ members: Member[] }>
    // A process of the tests before that was killed is listed until it has missed its turns.
    const addresses = flow?.members.map(({ address }) => address) ?? []
    for (const mirror of mirrors) {
      assert.ok(addresses.includes(urlOf(mirror, '').split('/api')[0] ?? ''), addresses.join())
    }
    for (const mirror of mirrors) assert.equal((await mirror.stop()).code, 0)
    const unhealthy = await runCommand(['topics', file])
    assert.equal(unhealthy.exit.code, 10)
    assert.match(unhealthy.stdout, /no process runs east->west/)
    const unreachable = await runCommand(['topics', file, '--url', 'http://127.0.0.1:1'])
    assert.equal(unreachable.exit.code, 1)
    assert.match(unreachable.stdout, /API_UNREACHABLE/)
  })
})
