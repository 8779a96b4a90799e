// The properties file of a page in docs/, on clusters of the tests: the test of a page fails if its
// file does not do what the page describes.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import type { Properties } from './mirror-process.ts'

/** `clusters` replace those that the page names, in order. */
export function documentedFile (page: string, clusters: readonly KafkaCluster[]): Properties {
  const text = readFileSync(join(repoRoot(), 'docs', page), 'utf8')
  const [, block = ''] = /```properties\n([^`]*)```/.exec(text) ?? []
  const properties = Object.fromEntries(block.split('\n').flatMap(line => {
    const [name, value] = line.split(' = ')
    return name === undefined || value === undefined ? [] : [[name, value]]
  })) as Readonly<Record<string, string>>
  const aliases = properties['clusters']?.split(', ') ?? []
  assert.ok(aliases.length > 1, `${page} shows no file`)
  const servers = aliases.map((alias, index) =>
    [`${alias}.bootstrap.servers`, clusters[index]?.bootstrapServers])
  return {
    ...properties,
    ...Object.fromEntries(servers) as Properties,
    'emit.heartbeats.enabled': false,
    'offset-syncs.topic.replication.factor': 1,
    'replication.factor': 1,
    'refresh.topics.interval.seconds': 1,
    'session.timeout.ms': 6000,
    'metrics.port': 0
  }
}
