// MirrorMaker 2's positions as Kafka Connect writes them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decodeConnectOffset, encodeConnectOffset
} from '../../../src/orchestrator/mirror-maker/connect-offsets.ts'

const key = Buffer.from('["MirrorSourceConnector",{"cluster":"A","partition":3,"topic":"orders"}]')
const position = {
  connector: 'MirrorSourceConnector', cluster: 'A', topic: 'orders', partition: 3, offset: 41n
}

test('a position is read and written byte for byte, and a deletion is recognized', () => {
  const value = Buffer.from('{"offset":41}')
  assert.deepEqual(decodeConnectOffset(key, value), position)
  assert.deepEqual(encodeConnectOffset(position), { key, value })
  assert.deepEqual(decodeConnectOffset(key, null), { ...position, offset: undefined })
  assert.equal(encodeConnectOffset({ ...position, offset: undefined }).value, null)
})

test('records of other connectors in the same topic are ignored', () => {
  for (const other of ['["MirrorHeartbeatConnector",{"sourceClusterAlias":"A"}]', '{}', 'text']) {
    assert.equal(decodeConnectOffset(Buffer.from(other), Buffer.from('{"offset":1}')), undefined)
  }
  assert.equal(decodeConnectOffset(null, null), undefined)
})
