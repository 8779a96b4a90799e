// The search for loops among the flows of a file: names with which to try their filters, and the
// shortest chain of flows.
import { judgeTopic } from '../policy/topic-filter.ts'
import type { FlowConfig } from './config.ts'

/**
 * For each witness the flows that mirror a topic of that name. `once` is true the first time that
 * it receives these flows: most loops show with many names.
 */
export function * flowsByTopic (flows: readonly FlowConfig[]): Iterable<{
  topic: string, edges: readonly FlowConfig[], once: (found: readonly FlowConfig[]) => boolean
}> {
  const seen = new Set<string>()
  const once = (found: readonly FlowConfig[]): boolean => {
    const id = found.map(({ name }) => name).sort().join()
    const isNew = !seen.has(id)
    seen.add(id)
    return isNew
  }
  for (const topic of witnesses(flows)) {
    const edges = flows.filter(each => judgeTopic(each.topics, topic) === 'mirrored')
    yield { topic, edges, once }
  }
}

/**
 * Names with which to try the filters. Whether two expressions overlap cannot be decided in
 * general, so the names derive from the expressions: a reported ring is a real one, and the running
 * flows detect a ring that an unusual expression hides.
 */
export function witnesses (flows: readonly FlowConfig[]): ReadonlySet<string> {
  const parts = [...new Set(flows.flatMap(flow => flow.topics.filter.topics))]
    .flatMap(expression => expression.split('|'))
  const plain = (expression: string, wild: string) =>
    expression.replace(/\.[*+]/g, wild).replace(/[\\^$()?+*]/g, '')
  const names = new Set<string>()
  for (const part of parts) {
    for (const wild of ['', 'orders', ...parts.map(other => plain(other, ''))]) {
      const name = plain(part, wild)
      if (name !== '') names.add(name)
    }
  }
  return names
}

/** The shortest chain that begins with `first` and ends with a flow that `isEnd`. */
export function shortestChain<E> (
  first: E, after: (edge: E) => readonly E[], isEnd: (edge: E) => boolean
): readonly E[] | undefined {
  const seen = new Set([first])
  for (let ends = [{ edge: first, chain: [first] }]; ends.length > 0;) {
    const found = ends.find(({ edge }) => isEnd(edge))
    if (found !== undefined) return found.chain
    const longer: typeof ends = []
    for (const { chain, edge: last } of ends) {
      for (const edge of after(last)) {
        if (seen.has(edge)) continue
        seen.add(edge)
        longer.push({ edge, chain: [...chain, edge] })
      }
    }
    ends = longer
  }
  return undefined
}
