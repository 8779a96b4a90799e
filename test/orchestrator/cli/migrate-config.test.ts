// `longhaul migrate-config` converts configurations of Kafka Connect and of Strimzi.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { exitCodes, type ExitCode } from '../../../src/orchestrator/cli/exit-codes.ts'
import { migrateConfig } from '../../../src/orchestrator/cli/migrate-config.ts'
import type { Terminal } from '../../../src/orchestrator/cli/terminal.ts'
import { parseConfig } from '../../../src/orchestrator/config/parse-config.ts'
import {
  connectGroupOf, offsetsTopicOf
} from '../../../src/orchestrator/migration/import-flow.ts'

interface Answer {
  readonly code: ExitCode
  readonly stdout: string
  readonly stderr: string
}

function migrated (t: TestContext, texts: readonly string[], to?: string): Answer {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-migrate-config-'))
  t.after(() => { rmSync(folder, { recursive: true }) })
  const files = texts.map((text, index) => {
    const file = join(folder, `resource-${index}.yaml`)
    writeFileSync(file, text)
    return file
  })
  const written = { stdout: '', stderr: '' }
  const terminal = {
    stdout: { write: (text: string) => { written.stdout += text } },
    stderr: { write: (text: string) => { written.stderr += text } }
  } as unknown as Terminal
  const options = to === undefined ? {} : { to: resolve(folder, to) }
  const code = migrateConfig(files, options, terminal)
  if (to === undefined || code !== exitCodes.ok) return { code, ...written }
  assert.equal(statSync(join(folder, to)).mode & 0o777, 0o600)
  return { code, ...written, stdout: readFileSync(join(folder, to), 'utf8') }
}

const flowOf = (group: string, offsetsTopic: string): string => [
  'clusters = east, west',
  'east->west.enabled = true',
  'east.bootstrap.servers = east-1:9092',
  'west.bootstrap.servers = west-1:9092',
  'west.request.timeout.ms = 9000',
  `west.group.id = ${group}`,
  `west.offset.storage.topic = ${offsetsTopic}`,
  'east->west.replication.factor = -1',
  'east->west.topics = orders|pay\\\\..*',
  'east->west.sync.group.offsets.enabled = true',
  'east->west.emit.heartbeats.enabled = false', ''
].join('\n')
const noHeartbeats = 'warning: no MirrorHeartbeatConnector of east->west was found, so ' +
  'emit.heartbeats.enabled is false\n'

const v1beta2 = `
apiVersion: kafka.strimzi.io/v1beta2
kind: KafkaMirrorMaker2
spec:
  connectCluster: west
  clusters:
  - alias: "east" # the source
    bootstrapServers: east-1:9092
  - alias: west
    bootstrapServers: west-1:9092
    config:
      offset.storage.replication.factor: -1
      request.timeout.ms: 9000
  mirrors:
  - sourceCluster: east
    targetCluster: west
    sourceConnector:
      tasksMax: 2
      config: {replication.factor: -1, topics: not-these}
    checkpointConnector:
      config:
        sync.group.offsets.enabled: "true"
    topicsPattern: 'orders|pay\\..*'
`

const v1 = `
apiVersion: kafka.strimzi.io/v1
kind: KafkaMirrorMaker2
spec:
  target:
    alias: west
    groupId: mirror
    offsetStorageTopic: mirror-offsets
    bootstrapServers: west-1:9092
    config: {request.timeout.ms: 9000}
  mirrors:
  - source: {alias: east, bootstrapServers: "east-1:9092"}
    sourceConnector: {config: {replication.factor: -1}}
    checkpointConnector: {config: {sync.group.offsets.enabled: true}}
    topicsPattern: 'orders|pay\\..*'
`

const withLogins = `
kind: KafkaMirrorMaker2
spec:
  clusters:
  - alias: east
    bootstrapServers: east-1:9093
    tls: {trustedCertificates: [{secretName: east-ca, pattern: "*.crt"}]}
    authentication:
      type: scram-sha-512
      username: mirror
      passwordSecret: {secretName: mirror-login, password: pass}
  - alias: west
    bootstrapServers: west-1:9093
    tls: {}
    authentication:
      type: tls
      certificateAndKey: {secretName: mirror-keys, certificate: user.crt, key: user.key}
  - alias: edge
    bootstrapServers: edge-1:9093
    authentication: {type: oauth}
  - alias: cloud
    bootstrapServers: cloud-1:9098
    tls: {}
    authentication:
      type: custom
      sasl: true
      config: {sasl.mechanism: AWS_MSK_IAM, sasl.jaas.config: IAMLoginModule required;}
  mirrors:
  - {sourceCluster: cloud, targetCluster: west, sourceConnector: {}}
  - {sourceCluster: east, targetCluster: west, sourceConnector: {}}
  - {sourceCluster: edge, targetCluster: west, sourceConnector: {}}
`

describe('migrate-config writes the file of', () => {
  const resources = [
    ['v1beta2', v1beta2, 'mirrormaker2-cluster', 'mirrormaker2-cluster-offsets'],
    ['v1', v1, 'mirror', 'mirror-offsets']
  ] as const
  for (const [name, text, group, offsetsTopic] of resources) {
    test(`a KafkaMirrorMaker2 resource in ${name}`, t => {
      const { code, stderr, stdout } = migrated(t, [text])
      assert.deepEqual([code, stdout], [exitCodes.ok, flowOf(group, offsetsTopic)])
      assert.equal(stderr, noHeartbeats +
        "for the import of east->west: --connector 'east->west.MirrorSourceConnector'\n")
      const parsed = parseConfig(stdout)
      assert.ok(parsed.ok)
      const { flows: [flow, ...others], warnings } = parsed.config
      assert.ok(flow !== undefined && others.length === 0)
      assert.deepEqual([flow.name, connectGroupOf(flow, {}), offsetsTopicOf(flow, {})],
        ['east->west', group, offsetsTopic])
      assert.deepEqual(warnings, [])
    })
  }

  test('a file of several documents, and the list that kubectl prints', t => {
    const documents = `---\nkind: Secret\n---${v1beta2}---\n`
    assert.equal(migrated(t, [documents]).stdout,
      flowOf('mirrormaker2-cluster', 'mirrormaker2-cluster-offsets'))
    const list = JSON.stringify({ kind: 'List', items: [{ kind: 'Secret' }] })
    const { code, stderr } = migrated(t, [list])
    assert.equal(code, exitCodes.usage)
    assert.match(stderr, /holds no configuration of a connector of MirrorMaker 2/)
  })

  const connectors: ReadonlyArray<readonly [type: string, config: object]> = [
    ['Source', { 'topics': 'orders', 'source.cluster.bootstrap.servers': 'east-1:9' }],
    ['Checkpoint', { groups: 'billing' }]
  ]
  const aliases = { 'source.cluster.alias': 'east', 'target.cluster.alias': 'west' }
  const answers = connectors.map(([type, config]) => ({
    name: type,
    config: {
      'connector.class': `org.apache.kafka.connect.mirror.Mirror${type}Connector`,
      ...aliases,
      ...config
    }
  }))
  const file = [
    'clusters = east, west', 'east->west.enabled = true', 'east->west.topics = orders',
    'east.bootstrap.servers = east-1:9', 'east->west.groups = billing',
    'east->west.emit.heartbeats.enabled = false', ''
  ].join('\n')

  test('connectors on Kafka Connect, readable only by the owner of the file', t => {
    const { code, stdout } =
      migrated(t, answers.map(answer => JSON.stringify(answer)), 'mm2.properties')
    assert.deepEqual([code, stdout], [exitCodes.ok, file])
  })

  // Regression: only answers about single connectors were read, and only the whole class name.
  test('all connectors of Kafka Connect at once, and of Strimzi', t => {
    const other = { name: 'files', config: { 'connector.class': 'FileStreamSource' } }
    const byName = Object.fromEntries([other, ...answers].map(info =>
      [info.name, { info: { ...info, tasks: [], type: 'source' } }]))
    const resources = connectors.map(([type, config]) => ({
      apiVersion: 'kafka.strimzi.io/v1',
      kind: 'KafkaConnector',
      metadata: { name: type, labels: { 'strimzi.io/cluster': 'connect' } },
      spec: { class: `Mirror${type}`, tasksMax: 2, config: { ...aliases, ...config } }
    }))
    for (const value of [byName, answers, { kind: 'List', items: resources }]) {
      const { code, stderr, stdout } = migrated(t, [JSON.stringify(value)])
      assert.deepEqual([code, stdout], [exitCodes.ok, file], stderr)
      assert.match(stderr, /for the import of east->west: --connector 'Source' --offsets-topic/)
    }
  })
})

// Without the contents the file would run with another login than Strimzi's, or with none.
test('migrate-config names contents of Secrets, without which its file is refused', t => {
  const { stderr, stdout } = migrated(t, [withLogins])
  for (const line of [
    'east.security.protocol = SASL_SSL', 'east.sasl.mechanism = SCRAM-SHA-512',
    'west.security.protocol = SSL', 'edge.security.protocol = SASL_PLAINTEXT',
    'cloud.security.protocol = SASL_SSL', 'cloud.sasl.mechanism = AWS_MSK_IAM',
    'cloud.sasl.jaas.config = IAMLoginModule required;'
  ]) assert.ok(stdout.includes(`${line}\n`), stdout)
  for (const said of [
    /to trust east are in Secret east-ca \(\*\.crt\): write east\.ssl\.truststore\.type/,
    /Secret mirror-login \(pass\): write east\.sasl\.jaas\.config = .*username="mirror"/,
    /Secret mirror-keys \(user\.crt, user\.key\): write west\.ssl\.keystore\.type = PEM/,
    /edge has the login type oauth: write edge\.sasl\.mechanism/,
    /of edge->west: --flow 'edge->west' --connector 'edge->west\.MirrorSourceConnector'/
  ]) assert.match(stderr, said)
  const parsed = parseConfig(stdout)
  assert.ok(!parsed.ok)
  assert.match(JSON.stringify(parsed), /east: SCRAM-SHA-512 needs sasl\.jaas\.config/)
})

test('migrate-config warns of contents that a file expresses in another way', t => {
  const { stderr } = migrated(t, [`
kind: KafkaMirrorMaker2
spec:
  clusters: [{alias: west, bootstrapServers: "west-1:9092"}]
  mirrors:
  - {sourceCluster: east, targetCluster: west, sourceConnector: {state: paused}}
  - {sourceCluster: edge, targetCluster: west, checkpointConnector: {}}
`])
  for (const said of [
    /the source connector of east->west is paused; .* east->west\.enabled = false/,
    /the mirror edge->west has no sourceConnector/,
    /no bootstrapServers of cluster east: write east\.bootstrap\.servers/
  ]) assert.match(stderr, said)
})

// Converters change records, and the file must keep them so that the check of such properties
// fails.
test('converters that change records are kept, and refused with the file', t => {
  const { stdout } = migrated(t, [JSON.stringify({
    'connector.class': 'org.apache.kafka.connect.mirror.MirrorSourceConnector',
    'source.cluster.alias': 'east',
    'target.cluster.alias': 'west',
    'source.cluster.bootstrap.servers': 'east-1:9092',
    'target.cluster.bootstrap.servers': 'west-1:9092',
    'key.converter': 'org.apache.kafka.connect.converters.ByteArrayConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter'
  })])
  assert.doesNotMatch(stdout, /key\.converter/)
  const parsed = parseConfig(stdout)
  assert.ok(!parsed.ok)
  assert.match(JSON.stringify(parsed), /CONFIG_CHANGES_RECORDS/)
})

test('an existing file is not overwritten', t => {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-migrate-config-'))
  t.after(() => { rmSync(folder, { recursive: true }) })
  const to = join(folder, 'mm2.properties')
  writeFileSync(to, 'mine')
  const { code, stderr } = migrated(t, [v1], to)
  assert.equal(code, exitCodes.usage)
  assert.match(stderr, /EEXIST/)
  assert.equal(readFileSync(to, 'utf8'), 'mine')
})

test('text that is neither JSON nor YAML is refused with its line', t => {
  const { code, stderr } = migrated(t, ['{"config": [}'])
  assert.equal(code, exitCodes.usage)
  assert.match(stderr, /resource-0\.yaml is neither JSON nor YAML: .*line 1/s)
})
