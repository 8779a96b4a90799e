// A cluster in which the controller holds every broker for dead, as it does with a broker that was
// suspended and woke: the broker answers Metadata with no broker at all.
//
// librdkafka forgot all brokers on that answer, so that its client never came back; and where no
// topic was asked for, it aborted the process (.ci/setup/librdkafka-mends.mjs).
import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { eventually } from '../../kafka/eventually.ts'
import { createAdmin } from './create-admin.ts'

const apiVersions = 18
const metadata = 3
const leaderNotAvailable = 5

class Broker {
  port = 0
  /** Whether Metadata names this broker. */
  isAlive = true
  /** Answers to Metadata that named no broker. */
  emptyAnswers = 0

  static async start (t: TestContext): Promise<Broker> {
    const broker = new Broker()
    const sockets = new Set<Socket>()
    const server = createServer(socket => {
      sockets.add(socket)
      broker.#serve(socket)
    })
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
    broker.port = (server.address() as AddressInfo).port
    t.after(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    return broker
  }

  #serve (socket: Socket): void {
    let received = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', data => {
      received = Buffer.concat([received, data])
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const size = received.readInt32BE(0)
        this.#answer(socket, received.subarray(4, 4 + size))
        received = received.subarray(4 + size)
      }
    })
  }

  #answer (socket: Socket, request: Buffer): void {
    const [api, version] = [request.readInt16BE(0), request.readInt16BE(2)]
    const body = api === metadata ? this.#metadata(request) : versions(version)
    const frame = Buffer.concat([int32(4 + body.length), request.subarray(4, 8), body])
    socket.write(frame)
  }

  /** Metadata v2: brokers, cluster id, controller, topics; all asked for are the topic `known`. */
  #metadata (request: Buffer): Buffer {
    if (!this.isAlive) this.emptyAnswers++
    const leader = this.isAlive ? 1 : -1
    const brokers = this.isAlive
      ? [int32(1), int32(1), text('127.0.0.1'), int32(this.port), int16(-1)]
      : [int32(0)]
    const topics = topicCount(request) === 0
      ? [int32(0)]
      : [int32(1), int16(0), text('known'), Buffer.from([0]), int32(1),
          int16(this.isAlive ? 0 : leaderNotAvailable), int32(0), int32(leader),
          int32(1), int32(1), int32(1), int32(1)]
    return Buffer.concat([...brokers, text('one-cluster'), int32(leader), ...topics])
  }
}

/** What stands behind the header with the client's id: -1 asks for all topics. */
function topicCount (request: Buffer): number {
  return request.readInt32BE(10 + request.readInt16BE(8))
}

/** ApiVersions v0; what asks for a later version learns that there is only this one. */
function versions (asked: number): Buffer {
  const unsupportedVersion = 35
  return Buffer.concat([
    int16(asked === 0 ? 0 : unsupportedVersion), int32(2),
    int16(metadata), int16(0), int16(2), int16(apiVersions), int16(0), int16(0)
  ])
}

function int16 (value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32 (value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function text (value: string): Buffer {
  return Buffer.concat([int16(value.length), Buffer.from(value)])
}

describe('a cluster that names no broker', () => {
  const untilAskedAgain = async (broker: Broker): Promise<void> => {
    const asked = broker.emptyAnswers + 3
    await eventually('three empty answers', () => broker.emptyAnswers >= asked)
  }

  test('is asked again for its brokers until it names one', async t => {
    const broker = await Broker.start(t)
    const admin = createAdmin(t, `127.0.0.1:${broker.port}`)
    assert.equal((await admin.describeCluster()).clusterId, 'one-cluster')
    broker.isAlive = false
    const described = admin.describeCluster()
    await untilAskedAgain(broker)
    broker.isAlive = true
    assert.deepEqual((await described).brokers.map(({ id }) => id), [1])
  })

  test('is not forgotten by a client that asks for topics', async t => {
    const broker = await Broker.start(t)
    const admin = createAdmin(t, `127.0.0.1:${broker.port}`)
    assert.deepEqual((await admin.listTopics()).map(({ name }) => name), ['known'])
    broker.isAlive = false
    const listed = admin.listTopics()
    await untilAskedAgain(broker)
    broker.isAlive = true
    assert.deepEqual((await listed).map(({ name }) => name), ['known'])
    assert.deepEqual((await admin.describeCluster()).brokers.map(({ id }) => id), [1])
  })
})
