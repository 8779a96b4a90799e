// An ACL of a topic for tests: User:alice may read the topic orders, by default.
import type { TopicAcl } from '../../../src/orchestrator/cluster/cluster-admin.ts'

export function createAcl (changes: Partial<TopicAcl> = {}): TopicAcl {
  return {
    name: 'orders', pattern: 'LITERAL', principal: 'User:alice', host: '*', operation: 'READ',
    permission: 'ALLOW', ...changes
  }
}
