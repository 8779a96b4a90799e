// The configuration of a demo's mirror: a properties file as a user would write it, parsed as `run`
// parses one.
import { randomBytes } from 'node:crypto'
import {
  parseConfig, type ParsedConfig, type ParseOptions
} from '../orchestrator/config/parse-config.ts'
import type { DemoClusters } from './demo-clusters.ts'
import { demoTopics } from './demo-topics.ts'

/**
 * On clusters that remain each demo has another alias, which names its progress and remote topics.
 */
export function demoAlias (clusters: DemoClusters): string {
  return clusters.lasting ? `demo-${randomBytes(4).toString('hex')}` : 'west'
}

export function parseDemoConfig (
  clusters: DemoClusters, alias: string, topicCount: number, options: ParseOptions
): ParsedConfig {
  const topics = demoTopics(topicCount, topicPrefix(clusters, alias), name => name)
  const lines = [
    `clusters = ${alias}, east`,
    `${alias}.bootstrap.servers = ${clusters.source}`,
    `east.bootstrap.servers = ${clusters.target}`,
    `${alias}->east.enabled = true`,
    `${alias}->east.topics = ${topics.map(({ name }) => name).join(', ')}`,
    // -1: the default of the target. Few slots: one process needs no more.
    'replication.factor = -1',
    'progress.topic.replication.factor = -1',
    'task.slots = 4',
    'metrics.port = -1',
    'log.level = warn',
    'heartbeats.replication.enabled = false',
    'emit.heartbeats.enabled = false',
    'emit.checkpoints.enabled = false',
    'emit.offset-syncs.enabled = false',
    // The embedded clusters support neither.
    'sync.topic.configs.enabled = false',
    'sync.topic.acls.enabled = false'
  ]
  return parseConfig(`${lines.join('\n')}\n`, options)
}

export function topicPrefix (clusters: DemoClusters, alias: string): string {
  return clusters.lasting ? `${alias}-` : ''
}
