// The settings that the target has refused for remote topics, at creation and later: each is
// reported once and not sent again, unless the value on the source topic changes.
import type { LeftOutSetting } from './accepted-settings.ts'
import type { LeftOutSettings } from './left-out-settings.ts'

export class RefusedSettings {
  readonly #byTopic = new Map<string, Map<string, string>>()

  /** Returns the refusals that were not known before. */
  add (outcomes: readonly LeftOutSettings[]): readonly LeftOutSettings[] {
    return outcomes.map(({ leftOut, topic }) => {
      const fresh = leftOut.filter(({ name, value }) => !this.has(topic, name, value))
      for (const setting of fresh) this.#note(topic, setting)
      return { topic, leftOut: fresh }
    })
  }

  has (topic: string, name: string, value: string): boolean {
    return this.#byTopic.get(topic)?.get(name) === value
  }

  /** Forgets all other topics, so that the memory is bounded by the present topics. */
  retain (topics: ReadonlySet<string>): void {
    for (const topic of this.#byTopic.keys()) {
      if (!topics.has(topic)) this.#byTopic.delete(topic)
    }
  }

  #note (topic: string, { name, value }: LeftOutSetting): void {
    const settings = this.#byTopic.get(topic) ?? new Map<string, string>()
    settings.set(name, value)
    this.#byTopic.set(topic, settings)
  }
}
