// Members of a consumer group that were killed: the group waits for them until their sessions end,
// which most tests need not see.

import type { KafkaCluster } from './cluster.ts'
import { int32, requestRaw, string } from './raw-request.ts'

const leaveGroupApi = { key: 13, version: 0 }
const describeGroupsApi = { key: 15, version: 0 }

/** All members leave, as if each had said so itself. For a cluster of one broker. */
export async function evictMembers (cluster: KafkaCluster, group: string): Promise<void> {
  const broker = cluster.broker(1)
  const described = await requestRaw(broker, describeGroupsApi,
    Buffer.concat([int32(1), string(group)]))
  for (const member of memberIds(described)) {
    await requestRaw(broker, leaveGroupApi, Buffer.concat([string(group), string(member)]))
  }
}

/** Of the one group in the answer. */
function memberIds (response: Buffer): string[] {
  let at = 4 + 2 // one group, its error
  const next = (lengthBytes: 2 | 4): string => {
    const length = lengthBytes === 2 ? response.readInt16BE(at) : response.readInt32BE(at)
    const from = at + lengthBytes
    at = from + Math.max(0, length)
    return response.toString('utf8', from, at)
  }
  for (let field = 0; field < 4; field++) next(2) // group, state, protocol type, protocol
  const count = response.readInt32BE(at)
  at += 4
  return Array.from({ length: count }, () => {
    const [id = ''] = [next(2), next(2), next(2), next(4), next(4)]
    return id
  })
}
