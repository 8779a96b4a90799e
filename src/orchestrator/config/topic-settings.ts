// Settings of single topics: `A->B.topic.orders.data.loss = skip`. What they leave unsaid is the
// flow's.
import {
  topicSettingNames, type FlowSettings, type TopicSetting, type TopicSettings
} from './config-table.ts'

const prefix = 'topic.'

/** The parts of such a name; a topic's own name may have dots. Undefined: it is none. */
export function parseTopicSetting (
  name: string
): { readonly topic: string, readonly setting: TopicSetting } | undefined {
  if (!name.startsWith(prefix)) return undefined
  const setting = topicSettingNames.find(each => name.endsWith(`.${each}`))
  const topic = name.slice(prefix.length, -1 - (setting?.length ?? 0))
  return setting === undefined || topic === '' ? undefined : { topic, setting }
}

/** Whether it is meant to be one, right or wrong. */
export function looksLikeTopicSetting (name: string): boolean {
  return name.startsWith(prefix)
}

export function isTopicName (topic: string): boolean {
  return /^[\w.-]{1,249}$/.test(topic)
}

/** Of each topic: what is set for it alone, over what the flow says. */
export function settingsByTopic (
  flow: FlowSettings, ofTopics: ReadonlyMap<string, Partial<TopicSettings>>
): (topic: string) => TopicSettings {
  return topic => ({ ...flow, ...ofTopics.get(topic) })
}
