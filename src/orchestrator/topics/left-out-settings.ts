// Reports which settings a target has refused for new topics: one warning for each setting, however
// many topics have the setting.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { LeftOutSetting } from './accepted-settings.ts'

export interface LeftOutSettings {
  readonly topic: string
  readonly leftOut: readonly LeftOutSetting[]
}

const topicsNamedMax = 3

export function leftOutWarnings (
  target: string, outcomes: readonly LeftOutSettings[]
): readonly ReplicatorError[] {
  const topicsOf = new Map<string, { setting: LeftOutSetting, topics: string[] }>()
  for (const { topic, leftOut } of outcomes) {
    for (const setting of leftOut) {
      const key = `${setting.name}=${setting.value}`
      const known = topicsOf.get(key)
      if (known === undefined) topicsOf.set(key, { setting, topics: [topic] })
      else known.topics.push(topic)
    }
  }
  return [...topicsOf].map(([key, { setting: { name, refusal }, topics }]) =>
    new ReplicatorError('TOPIC_SETTING_REFUSED',
      `${key} of ${listed(topics)}: ${refusal.detail} (${refusal.errorName} of ${target})`,
      { cause: refusal, setting: name }))
}

export function listed (topics: readonly string[]): string {
  const named = topics.slice(0, topicsNamedMax).join(', ')
  const more = topics.length - topicsNamedMax
  return more > 0 ? `${named} and ${more} more` : named
}
