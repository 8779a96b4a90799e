// How a chaos run recreates its topic on a cluster that loses answers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recreateTopic, type RecreatedTopicAdmin } from '../../perf/chaos/topic-recreation.ts'

type Fault = 'lost request' | 'lost answer'

/** One topic, `orders`; the first calls end with a timeout, by `faults`. */
class ForgetfulCluster implements RecreatedTopicAdmin {
  exists = true
  generation = 1
  readonly #faults: Fault[]

  constructor (faults: readonly Fault[]) {
    this.#faults = [...faults]
  }

  async deleteTopic (): Promise<void> {
    await this.#call(() => {
      if (!this.exists) throw new Error('unknown topic')
      this.exists = false
    })
  }

  async createTopic (): Promise<void> {
    await this.#call(() => {
      if (this.exists) throw new Error('topic exists')
      this.exists = true
      this.generation += 1
    })
  }

  async topicNames (): Promise<readonly string[]> {
    return await Promise.resolve(this.exists ? ['orders'] : [])
  }

  async #call (effect: () => void): Promise<void> {
    await Promise.resolve()
    const fault = this.#faults.shift()
    if (fault !== 'lost request') effect()
    if (fault !== undefined) throw new Error('timed out')
  }
}

const pace = { awayMs: 0, retryMs: 0, attempts: 3 }

// Regression: a deletion that timed out, but took effect, ended the fault without a new topic. The
// records of the old topic were then compared with a topic that did not exist.
for (const faults of [
  [], ['lost answer'], ['lost request'], ['lost request', 'lost answer', 'lost answer']
] as const) {
  const lost = faults.join(', ') || 'nothing'
  test(`a topic is recreated once, although the cluster loses: ${lost}`, async () => {
    const cluster = new ForgetfulCluster(faults)
    await recreateTopic(cluster, 'orders', pace)
    assert.deepEqual([cluster.exists, cluster.generation], [true, 2])
  })
}

test('the topic stays, and the error names the request, if every request is lost', async () => {
  const cluster = new ForgetfulCluster(['lost request', 'lost request', 'lost request'])
  await assert.rejects(recreateTopic(cluster, 'orders', pace), /timed out/)
  assert.deepEqual([cluster.exists, cluster.generation], [true, 1])
})
