// Remarks, made once, about topics that a flow does not mirror: those that the configuration names,
// and those whose records would return to their own cluster.
import type { FlowConfig } from '../config/config.ts'
import { nearestName } from '../config/nearest-name.ts'
import { listed } from './left-out-settings.ts'
import type { LeftOutTopic, TopicPlan } from './topic-plan.ts'

/** Why a topic is left out, as the end of a sentence about the topic. */
export function reasonOf (
  verdict: LeftOutTopic['verdict'], sourceAlias: string, targetAlias: string
): string {
  switch (verdict) {
    case 'not matched': return 'topics does not match it'
    case 'excluded': return 'topics.exclude matches it'
    case 'internal': return 'its name is that of an internal topic'
    case 'cycle':
      return `an alias in its name says that it came from ${sourceAlias} or ${targetAlias}`
  }
}

export class TopicRemarks {
  readonly #flow: FlowConfig
  readonly #made = new Set<string>()

  constructor (flow: FlowConfig) {
    this.#flow = flow
  }

  /** Sentences about this plan that were not returned for an earlier plan. */
  newAbout (
    { leftOut, onSource, unknown }: Pick<TopicPlan, 'leftOut' | 'onSource' | 'unknown'>
  ): readonly string[] {
    const { name, topics } = this.#flow
    const [sourceAlias, targetAlias] = [this.#flow.source.alias, this.#flow.target.alias]
    const remarks = new Map<string, string>()
    const cycles = leftOut.filter(({ verdict }) => verdict === 'cycle').map(({ topic }) => topic)
    if (cycles.length > 0) {
      remarks.set('cycles', `${name} does not mirror ${listed(cycles)}: ` +
        `an alias in the name says that the topic came from ${sourceAlias} or ${targetAlias}, ` +
        'and copies of copies would never end')
    }
    const named = new Set(topics.filter.names)
    for (const { topic, verdict } of leftOut) {
      if (!named.has(topic) || verdict === 'cycle') continue
      remarks.set(topic, `topics names ${topic}, which is not mirrored: ` +
        reasonOf(verdict, sourceAlias, targetAlias))
    }
    for (const topic of unknown) {
      remarks.set(topic, `topics names ${topic}, and ${sourceAlias} shows no topic of this name`)
    }
    for (const remark of settingRemarks(this.#flow, onSource)) remarks.set(remark, remark)
    const fresh = [...remarks].filter(([key]) => !this.#made.has(key))
    for (const [key] of fresh) this.#made.add(key)
    return fresh.map(([, remark]) => remark)
  }
}

/** Settings of single topics that match no topic of the source. */
export function settingRemarks (
  { name, source, topicSettings }: Pick<FlowConfig, 'name' | 'source' | 'topicSettings'>,
  onSource: TopicPlan['onSource']
): readonly string[] {
  return [...topicSettings].filter(([topic]) => !onSource.has(topic)).map(([topic, settings]) => {
    const [setting = ''] = Object.keys(settings)
    const nearest = nearestName(topic, onSource.keys())
    const proposal = nearest === undefined ? '' : `; the topic ${nearest} has a similar name`
    return `${name}.topic.${topic}.${setting}: ${source.alias} shows no topic ${topic}${proposal}`
  })
}
