// Settings of single topics: `A->B.topic.orders.data.loss = skip`. Other settings of the topic are
// those of the flow.
import {
  topicSettingNames, type FlowSettings, type TopicSetting, type TopicSettings
} from './config-table.ts'

const prefix = 'topic.'

/** The parts of such a name; the name of a topic may contain dots. Undefined: not such a name. */
export function parseTopicSetting (
  name: string
): { readonly topic: string, readonly setting: TopicSetting } | undefined {
  if (!name.startsWith(prefix)) return undefined
  const setting = topicSettingNames.find(each => name.endsWith(`.${each}`))
  const topic = name.slice(prefix.length, -1 - (setting?.length ?? 0))
  return setting === undefined || topic === '' ? undefined : { topic, setting }
}

/** Whether the name is meant as a topic setting, correct or not. */
export function looksLikeTopicSetting (name: string): boolean {
  return name.startsWith(prefix)
}

export function isTopicName (topic: string): boolean {
  return /^[\w.-]{1,249}$/.test(topic)
}

/** For each topic: its own settings, and otherwise those of the flow. */
export function settingsByTopic (
  flow: FlowSettings, ofTopics: ReadonlyMap<string, Partial<TopicSettings>>
): (topic: string) => TopicSettings {
  return topic => ({ ...flow, ...ofTopics.get(topic) })
}
