// A member of a consumer group that reads a topic, over node-rdkafka, without commits.
import rdkafka, { type KafkaConsumer } from 'node-rdkafka'
import { eventually } from './eventually.ts'

export class TestMember {
  readonly #consumer: KafkaConsumer
  #closed: Promise<void> | undefined

  private constructor (consumer: KafkaConsumer) {
    this.#consumer = consumer
  }

  /** Resolves once the group has assigned partitions to it. */
  static async join (servers: string, group: string, topic: string): Promise<TestMember> {
    const consumer = new rdkafka.KafkaConsumer({
      'bootstrap.servers': servers, 'group.id': group, 'enable.auto.commit': false
    }, { 'auto.offset.reset': 'earliest' })
    await new Promise<void>((resolve, reject) => {
      consumer.connect({}, error => {
        if (error === null) resolve()
        else reject(new Error(`${group}: ${error.message}`))
      })
    })
    consumer.subscribe([topic])
    consumer.consume()
    await eventually(`${group} has a member`, () => consumer.assignments().length > 0)
    return new TestMember(consumer)
  }

  /** Leaves the group. */
  async close (): Promise<void> {
    this.#closed ??= new Promise(resolve => { this.#consumer.disconnect(() => { resolve() }) })
    await this.#closed
  }
}
