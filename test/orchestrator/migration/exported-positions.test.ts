// The JSON of `offsets export` reads back the same, and an invalid file is refused with the place.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flowToJson } from '../../../src/orchestrator/cli/offsets-on-record.ts'
import { readExport } from '../../../src/orchestrator/migration/exported-positions.ts'
import { emptyMap, exactSpan, withSpan } from '../../../src/orchestrator/offsets/offset-map.ts'
import { createFlow } from '../config/create-config.ts'

const map = withSpan(withSpan(emptyMap({ upstream: 5n, downstream: 0n }, true),
  exactSpan(5n, 0n, 10n)), exactSpan(16n, 10n, 4n))

function exported (): string {
  const flow = flowToJson({
    flow: createFlow([]),
    partitions: [{
      source: { topic: 'orders', partition: 3 },
      producerId: 7n,
      progress: {
        upstream: 20n, downstream: 14n, sequence: 14, offsets: map,
        topicIds: { source: 's', target: 't' }
      }
    }]
  })
  return JSON.stringify({ version: 1, flows: [flow] })
}

test('exported positions read back the same, with their offset maps', () => {
  assert.deepEqual(readExport(exported()), [{
    name: 'A->B',
    partitions: [{
      topic: 'orders', partition: 3, upstream: 20n, downstream: 14n,
      topicIds: { source: 's', target: 't' }, map
    }]
  }])
})

test('an invalid export is refused with the place of the fault', () => {
  const refuses = (text: string, reason: RegExp): void => {
    assert.throws(() => readExport(text), { errorName: 'IMPORT_REFUSED', detail: reason })
  }
  refuses('{', /it is no JSON/)
  refuses('{}', /version is undefined/)
  refuses(exported().replace('"version":1', '"version":2'), /version is 2, and 1 is the only/)
  refuses(exported().replace('"sourceOffset":"20"', '"sourceOffset":20'),
    /flows\[0\]\.partitions\[0\]\.sourceOffset is 20, not an offset in quotation marks/)
  refuses(exported().replace('"partition":3', '"partition":-1'), /partitions\[0\]\.partition is -1/)
  refuses(exported().replace('"records":"4"', '"records":""'), /spans\[1\]\.records is ""/)
  refuses('{"version":1,"flows":[{"flow":"A->B"}]}', /flows\[0\]\.partitions is undefined/)
})
