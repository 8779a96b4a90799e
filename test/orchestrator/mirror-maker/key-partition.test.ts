// The hash of Java's producers, with the values of Kafka's UtilsTest.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyPartition } from '../../../src/orchestrator/mirror-maker/key-partition.ts'

test('a key has the partition that a Java producer chooses', () => {
  const hashes: ReadonlyArray<readonly [string, number]> = [
    ['21', -973932308], ['foobar', -790332482], ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971], ['abc', 479470107]
  ]
  for (const [key, hash] of hashes) {
    for (const count of [25, 2 ** 31 - 1]) {
      assert.equal(keyPartition(Buffer.from(key), count), (hash & 0x7fffffff) % count, key)
    }
  }
})
