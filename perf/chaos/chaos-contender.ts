// The mirror of a chaos run and how its processes are started: Longhaul's command line, or Kafka's
// MirrorMaker 2 with its defaults or in its exactly-once mode.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import { ensureJars } from '../../test/kafka/jars.ts'
import { javaArguments, javaProgram } from '../../test/kafka/java.ts'
import { repoRoot } from '../../test/kafka/repo-root.ts'
import { loadedTopics } from './numbered-load.ts'

export interface ChaosSetup {
  readonly source: KafkaCluster
  readonly target: KafkaCluster
  /** For properties and logs; kept after the run. */
  readonly folder: string
}

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  /** The address that names the partitions of the process; undefined: the contender has none. */
  readonly metricsUrl?: string
}

export interface ChaosContender {
  readonly name: string
  readonly description: string
  /** Its consumer group on the target; undefined: the contender has none. */
  readonly group?: string
  /** Whether it continues without help in a source topic that was deleted and recreated. */
  readonly followsRecreated: boolean
  /** The command that starts, and later restarts, the `index`th process; called once for each. */
  command (setup: ChaosSetup, index: number, port: number): Promise<Command>
}

const alias = 'east'

export function remoteTopic (topic: string): string {
  return `${alias}.${topic}`
}

export const longhaul: ChaosContender = {
  name: 'longhaul',
  description: 'longhaul run, defaults but topic.recreated=skip',
  group: 'longhaul.east->west',
  followsRecreated: true,
  async command (setup, index, port) {
    const file = writeProperties(setup, `longhaul-${index}`, {
      ...flow(setup),
      'progress.topic.replication.factor': setup.target.brokers.length,
      'offset-syncs.topic.replication.factor': setup.source.brokers.length,
      'east->west.topic.recreated': 'skip',
      'metrics.port': port,
      'metrics.per.partition': 'true'
    })
    const main = join(repoRoot(), 'dist/src/orchestrator/main.js')
    return {
      program: process.execPath,
      args: [main, 'run', file, '-o', 'json'],
      metricsUrl: `http://127.0.0.1:${port}/metrics`
    }
  }
}

export function mirrorMaker (exactlyOnce: boolean): ChaosContender {
  return {
    name: exactlyOnce ? 'mirror-maker exactly-once' : 'mirror-maker',
    description: 'MirrorMaker 2 4.1.0, tasks.max 4, ' + (exactlyOnce
      ? 'exactly.once.source.support=enabled, read_committed, internal REST'
      : 'all else at its default'),
    followsRecreated: false,
    async command (setup, index, port) {
      const file = writeProperties(setup, `mirror-maker-${index}`, {
        ...flow(setup),
        ...mirrorMakerProperties(setup.target.brokers.length, port),
        ...exactlyOnce
          ? {
              'west.exactly.once.source.support': 'enabled',
              'east.consumer.isolation.level': 'read_committed'
            }
          : {}
      })
      const { classPath } = await ensureJars()
      const args = javaArguments({
        classPath,
        className: 'org.apache.kafka.connect.mirror.MirrorMaker',
        args: [file],
        flags: ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
      })
      return { program: javaProgram(), args }
    }
  }
}

/** Several processes of MirrorMaker 2 cooperate only through its internal REST interface. */
function mirrorMakerProperties (factor: number, port: number): Record<string, string | number> {
  const topics = ['checkpoints.topic', 'heartbeats.topic', 'offset-syncs.topic', 'offset.storage',
    'status.storage', 'config.storage']
  return {
    'west->east.enabled': 'false',
    'tasks.max': 4,
    'dedicated.mode.enable.internal.rest': 'true',
    'listeners': `http://127.0.0.1:${port}`,
    ...Object.fromEntries(topics.map(name => [`${name}.replication.factor`, factor]))
  }
}

function flow ({ source, target }: ChaosSetup): Record<string, string | number> {
  return {
    'clusters': 'east, west',
    'east.bootstrap.servers': source.proxiedBootstrapServers,
    'west.bootstrap.servers': target.proxiedBootstrapServers,
    'east->west.enabled': 'true',
    'east->west.topics': loadedTopics.map(({ name }) => name).join(','),
    'replication.factor': target.brokers.length,
    'emit.heartbeats.enabled': 'false',
    'refresh.topics.interval.seconds': 5
  }
}

function writeProperties (
  { folder }: ChaosSetup, name: string, properties: Record<string, string | number>
): string {
  const path = join(folder, `${name}.properties`)
  writeFileSync(path, Object.entries(properties).map(([key, value]) =>
    `${key} = ${value}\n`).join(''))
  return path
}
