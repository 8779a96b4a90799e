// The relay of scale runs counts what passes, by client and API.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchApi, metadataApi, RequestRelay } from '../../perf/measure/request-relay.ts'
import { int32, requestRaw, string } from '../kafka/raw-request.ts'
import { StubBroker } from '../kafka/stub-broker.ts'

test('a relay counts the bytes of requests and answers by client and API', async t => {
  const broker = await StubBroker.start(t)
  const relay = await RequestRelay.start(t, () => broker.bootstrapServers)
  const body = Buffer.concat([int32(1), string('orders')])
  const answers = [
    await requestRaw(relay, { key: metadataApi, version: 2 }, body),
    await requestRaw(relay, { key: metadataApi, version: 2 }, body)
  ]
  // Of each request: length, API, version, correlation id, client id.
  const requestBytes = 4 + 2 + 2 + 4 + string('longhaul-test').length + body.length
  const answerBytes = answers.reduce((sum, { length }) => sum + 4 + 4 + length, 0)
  assert.deepEqual(relay.countOf(/^longhaul-test$/, metadataApi),
    { requests: 2, bytes: 2 * requestBytes + answerBytes })
  const none = { requests: 0, bytes: 0 }
  assert.deepEqual(relay.countOf(/^longhaul-test$/, fetchApi), none)
  assert.deepEqual(relay.countOf(/^other$/, metadataApi), none)
})
