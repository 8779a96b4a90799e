// Deletes a topic and creates it again while brokers hang: a request that ends with a timeout may
// have taken effect, so each step asks the cluster and repeats until the step is done.
import { setTimeout as sleep } from 'node:timers/promises'

export interface RecreatedTopicAdmin {
  deleteTopic (name: string): Promise<void>
  createTopic (name: string): Promise<void>
  topicNames (): Promise<readonly string[]>
}

export interface RecreationPace {
  /** Between the deletion and the creation. */
  readonly awayMs: number
  /** Between two attempts. */
  readonly retryMs: number
  /** An attempt lasts up to the 15 s of an admin request. */
  readonly attempts: number
}

/** Rejects with the last error, if the topic is not recreated after all attempts. */
export async function recreateTopic (
  admin: RecreatedTopicAdmin, name: string, { awayMs, retryMs, attempts }: RecreationPace
): Promise<void> {
  const hasTopic = async (): Promise<boolean> => (await admin.topicNames()).includes(name)
  const repeat = async (
    step: () => Promise<void>, isDone: () => Promise<boolean>
  ): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        await step()
        return
      } catch (thrown) {
        const done = await isDone().catch(() => false)
        if (done) return
        if (attempt >= attempts) throw thrown
      }
      await sleep(retryMs)
    }
  }
  await repeat(async () => { await admin.deleteTopic(name) }, async () => !await hasTopic())
  await sleep(awayMs)
  await repeat(async () => { await admin.createTopic(name) }, hasTopic)
}
