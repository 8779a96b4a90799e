// Samples of files, Connect configurations and resources as MirrorMaker 2's users have them, on
// clusters of the tests: one broker each and no TLS, everything else as written.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CleanUp } from '../kafka/failed-test.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { createTempFolder, removeFolder } from '../kafka/process-guard.ts'
import { realFiles } from '../orchestrator/config/real-files.ts'
import { runCommand } from './mirror-process.ts'

export interface Sample {
  readonly name: string
  /** For `longhaul migrate-config`; absent: the sample is a properties file. */
  readonly resources?: readonly string[]
  readonly file?: string
}

/** The resource with which Strimzi's users begin, with all three connectors. */
const strimzi = `
apiVersion: kafka.strimzi.io/v1beta2
kind: KafkaMirrorMaker2
metadata: {name: my-mirror-maker-2}
spec:
  replicas: 1
  connectCluster: "cluster-b"
  clusters:
  - alias: "cluster-a"
    bootstrapServers: cluster-a-kafka-bootstrap:9092
  - alias: "cluster-b"
    bootstrapServers: cluster-b-kafka-bootstrap:9092
    config:
      config.storage.replication.factor: -1
      offset.storage.replication.factor: -1
      status.storage.replication.factor: -1
  mirrors:
  - sourceCluster: "cluster-a"
    targetCluster: "cluster-b"
    sourceConnector:
      tasksMax: 1
      config:
        replication.factor: -1
        offset-syncs.topic.replication.factor: -1
        sync.topic.acls.enabled: "false"
        refresh.topics.interval.seconds: 600
    heartbeatConnector:
      config: {heartbeats.topic.replication.factor: -1}
    checkpointConnector:
      config:
        checkpoints.topic.replication.factor: -1
        sync.group.offsets.enabled: "false"
        refresh.groups.interval.seconds: 600
    topicsPattern: ".*"
    groupsPattern: ".*"
`

const classes = ['MirrorSourceConnector', 'MirrorCheckpointConnector', 'MirrorHeartbeatConnector']

/** Connectors as a managed Kafka Connect has them, with the policy that AWS's samples bring. */
const connectors = classes
  .map(connector => JSON.stringify({
    'name': `mm2-${connector}`,
    'connector.class': `org.apache.kafka.connect.mirror.${connector}`,
    'clusters': 'msksource,mskdest',
    'source.cluster.alias': 'msksource',
    'target.cluster.alias': 'mskdest',
    'source.cluster.bootstrap.servers': 'source:9092',
    'target.cluster.bootstrap.servers': 'dest:9092',
    'replication.policy.class': 'com.amazonaws.kafka.samples.CustomMM2ReplicationPolicy',
    'key.converter': 'org.apache.kafka.connect.converters.ByteArrayConverter',
    'value.converter': 'org.apache.kafka.connect.converters.ByteArrayConverter',
    'tasks.max': '4',
    ...connector === 'MirrorSourceConnector' && {
      'topics': 'Example.*,orders',
      'replication.factor': '3',
      'offset-syncs.topic.replication.factor': '3',
      'refresh.topics.interval.seconds': '20',
      'sync.topic.acls.enabled': 'false',
      'consumer.auto.offset.reset': 'earliest'
    },
    ...connector === 'MirrorCheckpointConnector' && {
      'checkpoints.topic.replication.factor': '3',
      'emit.checkpoints.interval.seconds': '20'
    },
    ...connector === 'MirrorHeartbeatConnector' && { 'heartbeats.topic.replication.factor': '3' }
  }))

export const samples: readonly Sample[] = [
  ...Object.entries(realFiles).map(([name, file]) => ({ name, file })),
  { name: "Strimzi's resource", resources: [strimzi] },
  { name: 'connectors of a managed Kafka Connect', resources: connectors }
]

/** The text of the properties file: of the sample, or as migrate-config writes it. */
export async function textOf (t: CleanUp, { file, resources = [] }: Sample): Promise<string> {
  if (file !== undefined) return file
  const folder = createTempFolder('sample')
  t.after(async () => { removeFolder(folder) })
  const paths = resources.map((text, index) => {
    const path = join(folder, `resource-${index}.yaml`)
    writeFileSync(path, text)
    return path
  })
  const to = join(folder, 'mm2.properties')
  const { exit, stderr } = await runCommand(['migrate-config', ...paths, '--to', to])
  assert.equal(exit.code, 0, stderr)
  return readFileSync(to, 'utf8')
}

const ofOneBroker = ['replication.factor', 'checkpoints.topic.replication.factor',
  'heartbeats.topic.replication.factor', 'offset-syncs.topic.replication.factor',
  'offset.storage.replication.factor', 'status.storage.replication.factor',
  'config.storage.replication.factor']

/** The file on these clusters; `clusters` are in the order of the file's aliases. */
export function onClusters (text: string, clusters: readonly KafkaCluster[]): string {
  const aliases = aliasesIn(text)
  const changed = text.split('\n').filter(line => !/security\.protocol/.test(line)).map(line => {
    const [, alias = '', rest = ''] =
      /^([^\s#.]+)\.(bootstrap\.servers\s*[=:]\s*)/.exec(line) ?? []
    const cluster = clusters[aliases.indexOf(alias)]
    if (cluster !== undefined) return `${alias}.${rest}${cluster.bootstrapServers}`
    const factor = ofOneBroker.find(name => new RegExp(`(^|[.>])${name}\\s*[=:]`).test(line))
    return factor === undefined ? line : line.replace(/[=:].*$/, '= 1')
  })
  return [...changed, ...ofOneBroker.map(name => `${name} = 1`), ''].join('\n')
}

export function aliasesIn (text: string): readonly string[] {
  const [, list = ''] = /^clusters\s*[=:]\s*(.*)$/m.exec(text) ?? []
  return list.split(',').map(alias => alias.trim())
}
