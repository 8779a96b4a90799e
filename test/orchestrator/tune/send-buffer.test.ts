// When tune says that the send buffer of the source brokers bounds each connection.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  explainSendBuffer, type SendBuffer
} from '../../../src/orchestrator/tune/send-buffer.ts'

/** 40 MB/s over 100 ms with a broker's defaults. */
const bounded: SendBuffer = {
  brokerBytes: 102_400, hostBytes: 6 * 2 ** 20, roundTripMs: 100, connectionRate: 2.4e6,
  chosenRate: 38e6, connections: 16, lanes: 2
}

test('the buffer of the brokers is named with its bound, and how many connections would do', () => {
  assert.equal(explainSendBuffer(bounded),
    'socket.send.buffer.bytes=102400 of the source brokers bounds each connection to 2.40 MB/s; ' +
    'with -1 their kernels choose the buffer, and 4 connections in all would do')
})

test('nothing is said where the buffer bounds nothing', () => {
  assert.equal(explainSendBuffer({ ...bounded, brokerBytes: -1 }), undefined)
  assert.equal(explainSendBuffer({ ...bounded, brokerBytes: undefined }), undefined)
  assert.equal(explainSendBuffer({ ...bounded, roundTripMs: 1 }), undefined)
  // The connection has more under way than the buffer holds: something else bounds it.
  assert.equal(explainSendBuffer({ ...bounded, connectionRate: 20e6 }), undefined)
  assert.equal(explainSendBuffer({ ...bounded, connections: 2 }), undefined)
})

test('if the kernel of this machine allows no more, no number of connections is promised', () => {
  const text = explainSendBuffer({ ...bounded, hostBytes: 212_992 }) ?? ''
  assert.match(text, /bounds each connection to 2\.40 MB\/s$/)
})
