// Answers of all processes of a flow, on real clusters: two processes share the partitions, and one
// of them hangs.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { produce } from '../kafka/kafka-producer.ts'
import { untilRecords } from './comparison.ts'
import { createPropertiesFile, runCommand, startMirror, type MirrorProcess } from
  './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

interface Answer {
  readonly silent: ReadonlyArray<{ readonly process: string, readonly reason: string }>
  readonly records: number
  readonly partitions: ReadonlyArray<{ readonly partition: number, readonly process: string }>
  readonly duties: ReadonlyArray<{
    readonly name: string, readonly slot: number, readonly process: string
  }>
  readonly members: ReadonlyArray<{
    readonly name: string, readonly isThisProcess: boolean, readonly slots: readonly number[]
  }>
}

const partitionCount = 16

function urlOf (mirror: MirrorProcess): string {
  return String(mirror.log.find(each => typeof each['url'] === 'string')?.['url'])
}

async function get (mirror: MirrorProcess, path: string): Promise<Answer> {
  const response = await fetch(`${urlOf(mirror)}/api/v1/flows/east-%3Ewest${path}`)
  assert.equal(response.status, 200, path)
  return await response.json() as Answer
}

describe('answers of all processes', { timeout: 300_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('have each partition once, and name the process that hangs', async t => {
    const { source, target } = clusters
    const topic = 'joined'
    const all = Array.from({ length: partitionCount }, (_, partition) => partition)
    await source.createTopic(topic, { partitions: partitionCount })
    await produce(source.bootstrapServers, topic,
      all.map(partition => ({ value: 'x', partition })))
    const file = createPropertiesFile(t, flowProperties(clusters, { 'east->west.topics': topic }))
    const first = await startMirror(t, file)
    const second = await startMirror(t, file)
    await untilRecords(first, target, `east.${topic}`, partitionCount)
    const answer = await first.until('all partitions from two processes', async () => {
      const found = await get(first, '/partitions?processes=all')
      return found.silent.length === 0 && found.partitions.length === partitionCount &&
        new Set(found.partitions.map(each => each.process)).size === 2 && found
    })
    assert.deepEqual(answer.partitions.map(({ partition }) => partition), all)
    const own = await get(first, '/partitions')
    assert.ok(own.partitions.length < partitionCount)
    const { members } = await get(first, '/members')
    const other = members.find(each => !each.isThisProcess)?.name
    assert.deepEqual(answer.partitions.filter(each => each.process !== other),
      own.partitions.map(({ partition }) =>
        answer.partitions.find(each => each.partition === partition)))
    const figures = await Promise.all([first, second].map(async each => await get(each, '')))
    assert.equal((await get(first, '?processes=all')).records,
      figures.reduce((sum, each) => sum + each.records, 0))
    const { duties } = await get(first, '/duties?processes=all')
    assert.equal(new Set(duties.map(each => `${each.name} ${each.slot}`)).size, duties.length)
    assert.equal(new Set(duties.map(each => each.process)).size, 2)

    const listed = await runCommand(['partitions', 'list', file, '--url', urlOf(first), '-o',
      'json'])
    const [flow] = JSON.parse(listed.stdout) as [{ partitions: object[], problems: string[] }]
    assert.deepEqual([listed.exit.code, flow.partitions.length, flow.problems],
      [0, partitionCount, []])

    second.signal('SIGSTOP')
    try {
      const startedMs = performance.now()
      const { partitions, silent } = await get(first, '/partitions?processes=all')
      assert.ok(performance.now() - startedMs < 5_000)
      assert.deepEqual(silent.map(({ process }) => process), [other])
      assert.match(silent[0]?.reason ?? '', /no answer within 2000 ms/)
      assert.ok(partitions.length > 0 && partitions.every(each => each.process !== other))
      const { stdout } = await runCommand(['partitions', 'list', file, '--url', urlOf(first)])
      assert.match(stdout, /does not answer, so its partitions are missing here/)
    } finally {
      second.signal('SIGCONT')
    }
    await first.until('an answer of both again', async () =>
      (await get(first, '/partitions?processes=all')).silent.length === 0)
  })
})
