// Which broker coordinates a group, and how killed members leave it: the group waits for them until
// their sessions end, which most tests can skip.

import type { Broker } from './broker.ts'
import type { KafkaCluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { int32, requestRaw, string } from './raw-request.ts'
import { ResponseReader } from './raw-response.ts'

const findCoordinatorApi = { key: 10, version: 1 }
const leaveGroupApi = { key: 13, version: 0 }
const describeGroupsApi = { key: 15, version: 0 }
const groupKey = Buffer.from([0])

/** Waits for the coordinator if the group's topic has just been created. */
export async function coordinatorOf (cluster: KafkaCluster, group: string): Promise<Broker> {
  return await eventually(`the coordinator of group ${group}`, async () => {
    const reader = new ResponseReader(await requestRaw(
      cluster.anyBroker(), findCoordinatorApi, Buffer.concat([string(group), groupKey])))
    reader.int32() // throttle time
    const error = reader.int16()
    reader.string() // error text
    return error === 0 ? cluster.broker(reader.int32()) : undefined
  })
}

/** Removes all members, as if each had left. */
export async function evictMembers (cluster: KafkaCluster, group: string): Promise<void> {
  const coordinator = await coordinatorOf(cluster, group)
  for (const member of await membersOf(coordinator, group)) {
    await requestRaw(coordinator, leaveGroupApi, Buffer.concat([string(group), string(member)]))
  }
}

async function membersOf (coordinator: Broker, group: string): Promise<readonly string[]> {
  const reader = new ResponseReader(await requestRaw(
    coordinator, describeGroupsApi, Buffer.concat([int32(1), string(group)])))
  return reader.array(() => {
    reader.int16() // error
    for (let field = 0; field < 4; field++) reader.string() // group, state, type, protocol
    return reader.array(() => {
      const id = reader.string()
      for (let field = 0; field < 2; field++) reader.string() // client id, host
      for (let field = 0; field < 2; field++) reader.bytes() // metadata, assignment
      return id
    })
  }).flat()
}
