// ACLs of a cluster in the words of kafka-acls.sh, without the JVM that this tool starts for each
// change.

import type { Broker } from './broker.ts'
import type { KafkaCluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { int32, requestRaw, string } from './raw-request.ts'
import { ResponseReader } from './raw-response.ts'

const describeAclsApi = { key: 29, version: 1 }
const createAclsApi = { key: 30, version: 1 }
const deleteAclsApi = { key: 31, version: 1 }

/** The codes of Kafka's enumerations. */
const resourceTypes: Readonly<Record<string, number>> = {
  '--topic': 2, '--group': 3, '--cluster': 4, '--transactional-id': 5
}
const patternTypes: Readonly<Record<string, number>> = { literal: 3, prefixed: 4 }
const permissions: Readonly<Record<string, number>> = {
  '--deny-principal': 2, '--allow-principal': 3
}
const operations = ['unknown', 'any', 'all', 'read', 'write', 'create', 'delete', 'alter',
  'describe', 'clusteraction', 'describeconfigs', 'alterconfigs', 'idempotentwrite']

/** Adds ACLs: `['--allow-principal', 'User:a', '--operation', 'Read', '--topic', 't']`. */
export async function addAcl (cluster: KafkaCluster, words: readonly string[]): Promise<void> {
  const acls = parseAcls(words)
  const answer = new ResponseReader(
    await requestRaw(cluster.anyBroker(), createAclsApi, arrayOf(acls)))
  answer.int32() // throttled
  answer.array(() => { throwIfFailed(answer) })
  await untilEachBroker(cluster, acls, true)
}

/** Removes ACLs that were added with the same words. */
export async function removeAcl (cluster: KafkaCluster, words: readonly string[]): Promise<void> {
  const acls = parseAcls(words)
  const answer = new ResponseReader(
    await requestRaw(cluster.anyBroker(), deleteAclsApi, arrayOf(acls)))
  answer.int32() // throttled
  answer.array(() => {
    throwIfFailed(answer)
    answer.array(() => {
      throwIfFailed(answer)
      skip(answer, 1)
      answer.string()
      skip(answer, 1)
      answer.string()
      answer.string()
      skip(answer, 2)
    })
  })
  await untilEachBroker(cluster, acls, false)
}

/** One ACL each, encoded alike for a creation and for a filter. */
function parseAcls (words: readonly string[]): readonly Buffer[] {
  const left = [...words]
  const resources: Array<readonly [type: number, name: string]> = []
  const principals: Array<readonly [permission: number, name: string]> = []
  const codes: number[] = []
  let pattern = patternTypes['literal'] ?? 0
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    const value = word === '--cluster' ? 'kafka-cluster' : left.shift() ?? ''
    const type = resourceTypes[word]
    const permission = permissions[word]
    if (type !== undefined) resources.push([type, value])
    else if (permission !== undefined) principals.push([permission, value])
    else if (word === '--operation') codes.push(codeOf(value))
    else if (word === '--resource-pattern-type') pattern = patternTypes[value] ?? 0
    else throw new Error(`unknown word of kafka-acls: ${word}`)
  }
  if (codes.length === 0) codes.push(codeOf('all'))
  return resources.flatMap(([type, name]) => principals.flatMap(([permission, principal]) =>
    codes.map(operation => Buffer.concat([int8(type), string(name), int8(pattern),
      string(principal), string('*'), int8(operation), int8(permission)]))))
}

function codeOf (operation: string): number {
  const code = operations.indexOf(operation.replaceAll('_', '').toLowerCase())
  if (code < 0) throw new Error(`unknown operation: ${operation}`)
  return code
}

/** The controller answers before the brokers apply what it has written. */
async function untilEachBroker (
  cluster: KafkaCluster, acls: readonly Buffer[], isAdded: boolean
): Promise<void> {
  await eventually('the ACLs on each broker', async () => {
    const found = await Promise.all(cluster.brokers.filter(({ isAnswering }) => isAnswering)
      .flatMap(broker => acls.map(async acl => await hasAcl(broker, acl))))
    return found.every(has => has === isAdded)
  })
}

async function hasAcl (broker: Broker, acl: Buffer): Promise<boolean> {
  const answer = new ResponseReader(await requestRaw(broker, describeAclsApi, acl))
  answer.int32() // throttled
  throwIfFailed(answer)
  return answer.int32() > 0 // matching resources; the rest is not read
}

function throwIfFailed (answer: ResponseReader): void {
  const code = answer.int16()
  const message = answer.string()
  if (code !== 0) throw new Error(`ACLs: error ${code}: ${message}`)
}

function skip (answer: ResponseReader, count: number): void {
  for (let left = count; left > 0; left--) answer.int8()
}

function arrayOf (elements: readonly Buffer[]): Buffer {
  return Buffer.concat([int32(elements.length), ...elements])
}

function int8 (value: number): Buffer {
  return Buffer.from([value])
}
