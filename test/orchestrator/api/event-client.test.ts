// Events of a reader that does not receive them wait in a bounded queue; then the reader is
// disconnected with an event that says so.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventClient, type EventOutput } from '../../../src/orchestrator/api/event-client.ts'

class FakeOutput implements EventOutput {
  readonly written: string[] = []
  ended: string | undefined
  /** How many more writes return true. */
  room = Infinity
  drain: () => void = () => {}

  write (text: string): boolean {
    this.written.push(text)
    this.room--
    return this.room > 0
  }

  end (text: string): void { this.ended = text }

  destroy (): void {}

  on (_event: 'drain', listener: () => void): void { this.drain = listener }
}

test('events are written in order, also those that waited', () => {
  const output = new FakeOutput()
  const client = new EventClient(output, 10)
  output.room = 2
  for (const number of [1, 2, 3, 4]) client.send('move', { number })
  assert.equal(output.written.length, 2)
  output.room = 1
  output.drain()
  assert.equal(output.written.length, 3, 'one more fits')
  output.room = Infinity
  output.drain()
  client.send('move', { number: 5 })
  assert.deepEqual(output.written, [1, 2, 3, 4, 5].map(number =>
    `event: move\ndata: {"number":${number}}\n\n`))
})

test('a reader whose queue is full receives `dropped`, and its queue is released', () => {
  const output = new FakeOutput()
  const client = new EventClient(output, 3)
  output.room = 1
  for (let number = 0; number < 4; number++) client.send('move', { number })
  assert.equal(client.isEnded, false)
  client.send('move', { number: 4 })
  assert.equal(client.isEnded, true)
  assert.equal(output.ended, 'event: dropped\ndata: {"queued":3}\n\n')
  output.drain()
  client.send('move', {})
  assert.equal(output.written.length, 1, 'nothing is written after the end')
})

test('a beat does not wait in the queue of a slow reader', () => {
  const output = new FakeOutput()
  const client = new EventClient(output, 1)
  client.beat()
  output.room = 1
  client.send('move', {})
  for (let i = 0; i < 5; i++) client.beat()
  client.send('move', {})
  assert.equal(client.isEnded, false)
  assert.equal(output.written.length, 2)
})
