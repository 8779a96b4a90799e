// The problems of topics as lines for people. Thousands of topics may have one problem, such as a
// replication factor that the target cannot reach: they share a line.
import type { FlowConfig } from '../config/config.ts'
import type { TopicProblem } from '../topics/topic-plan.ts'

/** How many topics a line names. */
const namedMax = 3

export function problemLines (
  { policy }: Pick<FlowConfig, 'policy'>, problems: readonly TopicProblem[]
): readonly string[] {
  const groups = new Map<string, TopicProblem[]>()
  for (const problem of problems) {
    const { error, topic } = problem
    const key = withoutNames(error.message, topic, policy.remoteTopic(topic))
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [problem])
    else group.push(problem)
  }
  return [...groups.values()].map(group => {
    const [first] = group as [TopicProblem]
    const names = group.slice(0, namedMax).map(({ topic }) => topic).join(', ')
    const more = group.length - namedMax
    return group.length === 1
      ? `${names}: ${first.error.message}`
      : `${group.length} topics (${names}${more > 0 ? ` and ${more} more` : ''}), of the first: ` +
        first.error.message
  })
}

/** A topic may have the name of another word of the text. */
function withoutNames (text: string, topic: string, remoteTopic: string): string {
  const [named, remote] = [topic, remoteTopic].map(name => name.replaceAll('.', '\\.'))
  return text.replaceAll(
    new RegExp(`(?<![\\w.-])(${remote}|(?<=topic )${named})(?![\\w-])`, 'g'), 'TOPIC')
}
