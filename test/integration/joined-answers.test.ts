// Answers of all processes of a flow, on real clusters: two processes share the partitions, and one
// of them hangs; beyond loopback they ask each other over TLS, with signed requests.
import assert from 'node:assert/strict'
import { request } from 'node:https'
import { after, before, describe, test } from 'node:test'
import { produce } from '../kafka/kafka-producer.ts'
import { createCertificate } from '../orchestrator/observability/server-certificate.ts'
import { untilRecords } from './comparison.ts'
import {
  createPropertiesFile, runCommand, spawnMirror, startMirror, writeProperties, type MirrorProcess
} from './mirror-process.ts'
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

/** The body of an answer over TLS to a reader with this token; undefined: the status is not 200. */
async function getSecurely (
  mirror: MirrorProcess, path: string, ca: Buffer, token: string
): Promise<Answer | undefined> {
  const url = `${urlOf(mirror)}/api/v1/flows/east-%3Ewest${path}`
  const { status, text } = await new Promise<{ status: number | undefined, text: string }>(
    (resolve, reject) => {
      const headers = token === '' ? {} : { authorization: `Bearer ${token}` }
      request(url, { ca, headers, agent: false }, response => {
        let read = ''
        response.setEncoding('utf8').on('data', part => { read += String(part) })
        response.on('end', () => { resolve({ status: response.statusCode, text: read }) })
      }).on('error', reject).end()
    })
  return status === 200 ? JSON.parse(text) as Answer : undefined
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
    // On a busy machine the other process may not answer in time, and is then silent for a while.
    const whole = async (path: string): Promise<Answer> =>
      await first.until(`an answer of both to ${path}`, async () => {
        const found = await get(first, path)
        return found.silent.length === 0 && found
      })
    const figures = await Promise.all([first, second].map(async each => await get(each, '')))
    assert.equal((await whole('?processes=all')).records,
      figures.reduce((sum, each) => sum + each.records, 0))
    await first.until('duties of both processes', async () =>
      new Set((await whole('/duties?processes=all')).duties.map(each => each.process)).size === 2)
    const { duties } = await whole('/duties?processes=all')
    assert.equal(new Set(duties.map(each => `${each.name} ${each.slot}`)).size, duties.length)

    await first.until('the same by a command', async () => {
      const { exit, stdout } = await runCommand(['partitions', 'list', file, '--url', urlOf(first),
        '-o', 'json'])
      const [flow] = JSON.parse(stdout) as [{ partitions: object[], problems: string[] }]
      return exit.code === 0 && flow.partitions.length === partitionCount &&
        flow.problems.length === 0
    })

    second.signal('SIGSTOP')
    try {
      const startedMs = performance.now()
      const { partitions, silent } = await get(first, '/partitions?processes=all')
      assert.ok(performance.now() - startedMs < 10_000)
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
    // A killed process would be a member, and silent, in the next test.
    for (const mirror of [first, second]) assert.equal((await mirror.stop()).code, 0)
  })

  // The server listens on 127.0.0.1, but 127.1 is no name of loopback: all rules for an address
  // that other machines reach are in force.
  test('are read over TLS with signed requests, and refused to another token', async t => {
    const { source } = clusters
    const topic = 'signed'
    const token = 'a-token-of-24-characters'
    const { certificate, certificateFile, keyFile } = createCertificate(t, 'longhaul')
    await source.createTopic(topic, { partitions: partitionCount })
    const properties = flowProperties(clusters, {
      'east->west.topics': topic,
      'metrics.host': '127.1',
      'api.token': token,
      'api.tls.certificate.location': certificateFile,
      'api.tls.key.location': keyFile
    })
    const files = [createPropertiesFile(t, properties), createPropertiesFile(t, properties)]
    const env = { NODE_EXTRA_CA_CERTS: certificateFile }
    const [first, second] = files.map(file => spawnMirror(t, file, [], env))
    assert.ok(first !== undefined && second !== undefined)
    const read = async (path: string, used = token): Promise<Answer | undefined> =>
      urlOf(first) === 'undefined' ? undefined : await getSecurely(first, path, certificate, used)
    const answer = await first.until('all partitions from two processes', async () => {
      const found = await read('/partitions?processes=all').catch(() => undefined)
      return found?.silent.length === 0 && found.partitions.length === partitionCount &&
        new Set(found.partitions.map(each => each.process)).size === 2 && found
    })
    assert.match(urlOf(first), /^https:\/\/127\.0\.0\.1:/)
    assert.equal(await read('/partitions', ''), undefined, 'a read without the token')
    const own = await read('/partitions')
    assert.ok(own !== undefined && own.partitions.length < partitionCount)
    await first.until('the same by a command', async () => {
      const { stdout } = await runCommand(['partitions', 'list', files[0] ?? '', '--url',
        urlOf(first), '-o', 'json'], env)
      const [flow] = JSON.parse(stdout) as [{ partitions: object[] }]
      return flow.partitions.length === partitionCount
    })

    // The other process no longer knows the token that the first one signs with.
    writeProperties(files[1] ?? '', { ...properties, 'api.token': 'another-token-of-this-flow' })
    second.signal('SIGHUP')
    const silent = await first.until('a refusal by the other process', async () =>
      (await read('/partitions?processes=all'))?.silent.find(({ reason }) =>
        reason.includes(': 401 send Authorization: Bearer TOKEN')))
    assert.ok(answer.partitions.some(each => each.process === silent.process))
  })
})
