// Which broker is the active controller: the leader of the quorum's metadata log. The controller in
// Metadata responses is any broker that forwards to it.

import type { Broker } from './broker.ts'
import type { KafkaCluster } from './cluster.ts'
import { compactString, int32, noTags, requestRaw } from './raw-request.ts'
import { ResponseReader } from './raw-response.ts'

const describeQuorumApi = { key: 55, version: 0 }
const metadataLog = '__cluster_metadata'
const one = Buffer.from([2]) // the length of a compact array of one element

export async function controllerOf (cluster: KafkaCluster): Promise<Broker> {
  const reader = new ResponseReader(await requestRaw(cluster.anyBroker(), describeQuorumApi,
    Buffer.concat([
      noTags, one, compactString(metadataLog), one, int32(0), noTags, noTags, noTags])))
  reader.tags()
  const error = reader.int16()
  const [[leader] = []] = reader.compactArray(() => {
    reader.compactString()
    return reader.compactArray(() => {
      reader.int32() // partition
      reader.int16() // error
      return reader.int32() // the rest is not read: one topic, one partition
    })
  })
  if (error !== 0 || leader === undefined) throw new Error(`DescribeQuorum: error ${error}`)
  return cluster.broker(leader)
}
