// Interleaved transactions of two producers, half of them aborted.
import { TestProducer } from '../kafka/kafka-producer.ts'

/** Two producers in turn, with separate batches; returns the committed values. */
export async function interleaveTransactions (
  bootstrapServers: string, topic: string
): Promise<string[]> {
  const open = async (transactionalId: string): Promise<TestProducer> =>
    await TestProducer.open(bootstrapServers, { transactionalId, codec: 'lz4' })
  const producers = [await open('first'), await open('second')] as const
  const committed: string[] = []
  for (let round = 0; round < 6; round++) {
    const pending: string[][] = [[], []]
    for (const producer of producers) await producer.begin()
    // Three rounds of batches, so that neither transaction is one contiguous block of the log.
    for (let turn = 0; turn < 3; turn++) {
      for (const [who, producer] of producers.entries()) {
        const values = Array.from({ length: 7 }, (_, n) => `${who} ${round} ${turn} ${n}`)
        await producer.sendAll(topic, values.map((value, n) => ({ value, partition: n % 2 })))
        pending[who]?.push(...values)
      }
    }
    for (const [who, producer] of producers.entries()) {
      if ((round + who) % 2 === 0) {
        await producer.abort()
      } else {
        await producer.commit()
        committed.push(...pending[who] ?? [])
      }
    }
  }
  for (const producer of producers) await producer.close()
  return committed
}
