// Whether another flow, from the target of a flow to its source, brings a topic back: then records
// would circulate between the two clusters without end. Pure.
//
//   source          target
//   orders  ------> sales      ours
//   orders  <------ sales      back: the circle is closed
import { judgeTopic, type TopicSelection } from './topic-filter.ts'

/** A topic that has come back this often under other names grows by one more name each time. */
const roundsMax = 3

export function comesBack (topic: string, ours: TopicSelection, back: TopicSelection): boolean {
  let name = topic
  for (let round = 0; round < roundsMax; round++) {
    const there = remoteOf(name, ours)
    const returned = there === undefined ? undefined : remoteOf(there, back)
    if (returned === undefined) return false
    if (returned === topic) return true
    // Another topic circulates, and the check of that topic finds it.
    if (returned === name) return false
    name = returned
  }
  return remoteOf(name, ours) !== undefined
}

function remoteOf (topic: string, selection: TopicSelection): string | undefined {
  return judgeTopic(selection, topic) === 'mirrored'
    ? selection.policy.remoteTopic(topic)
    : undefined
}
