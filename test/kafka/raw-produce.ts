// Sends a hand-built record batch to a broker: one Produce request on a separate connection.

import type { KafkaCluster } from './cluster.ts'
import { int16, int32, requestRaw, string } from './raw-request.ts'

export interface RawProduceResult {
  /** 0 if the batch was accepted. */
  readonly errorCode: number
  readonly baseOffset: number
}

// The last version without tagged fields.
const produceApi = { key: 0, version: 7 }
const timeoutMs = 10_000

export async function produceRaw (
  cluster: KafkaCluster, topic: string, partition: number, batch: Buffer
): Promise<RawProduceResult> {
  const leader = cluster.broker(await cluster.admin.leaderOf(topic, partition))
  // transactional id: null; acks: all
  const response = await requestRaw(leader, produceApi, Buffer.concat([
    int16(-1), int16(-1), int32(timeoutMs),
    int32(1), string(topic), int32(1), int32(partition), int32(batch.length), batch
  ]))
  // One topic of that name, one partition: index, error, base offset and more.
  const at = 4 + 2 + Buffer.byteLength(topic) + 4 + 4
  return {
    errorCode: response.readInt16BE(at),
    baseOffset: Number(response.readBigInt64BE(at + 2))
  }
}
