// Debian's Prometheus scrapes two processes that mirror both ways: each panel of the Grafana
// dashboard has data and the labels of its legend, each rule is evaluated, and the alerts name a
// record that was skipped and a partition that is faulted, nothing else.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import {
  hasPrometheus, startPrometheus, type PrometheusServer, type Sample
} from '../deploy/prometheus-server.ts'
import { Certificates } from '../kafka/certificates.ts'
import { eventually } from '../kafka/eventually.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { reservePorts } from '../kafka/ports.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import { numbered } from './failures/fault-probe.ts'
import { clusterProperties, tls, type Login } from './login-listeners.ts'
import { createPropertiesFile, startMirror, type MirrorProcess } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'
import { SequenceLoad } from './sequence-load.ts'

const hourMs = 3_600_000
/** Enough for the first scrapes and evaluations, a second apart, on a busy machine. */
const dataTimeoutMs = 120_000

/** Panels and legends of queries that have no data while the mirror of this test runs, and why. */
const emptyByNature: Readonly<Record<string, string>> = {
  'Errors: retried': 'no lane had to retry',
  'Records that were skipped, doubled or mirrored again: doubled': 'only more than 0 are shown',
  'Records that were skipped, doubled or mirrored again: mirrored again': 'no target lost records',
  'Requests a second by broker: failed': 'only more than 0 are shown'
}

interface Dashboard {
  readonly panels: ReadonlyArray<{
    readonly title: string
    readonly targets?: ReadonlyArray<{ readonly expr: string, readonly legendFormat?: string }>
  }>
  readonly templating: { readonly list: ReadonlyArray<{
    readonly name: string, readonly query: string | { readonly query: string }
  }> }
}

const { panels, templating } = JSON.parse(
  readFileSync(join(repoRoot(), 'deploy/grafana/longhaul.json'), 'utf8')) as Dashboard

/** With the values of the variables that Grafana inserts while all are selected. */
function asSent (expression: string): string {
  return expression.replaceAll('$__rate_interval', '15s')
    .replaceAll(/\$(job|source|target|topic)\b/g, '.*')
}

const queries = panels.flatMap(({ targets = [], title }) =>
  targets.map(({ expr, legendFormat: legend = '' }) => {
    const words = legend.replaceAll(/\{\{\w+\}\}(->)?/g, '').replace(/^[ ,]+/, '').trim()
    return {
      name: words === '' ? title : `${title}: ${words}`,
      expression: asSent(expr),
      labels: [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)
    }
  }))

const isFinite = ({ value: [, value] }: Sample): boolean => Number.isFinite(Number(value))

describe('Prometheus that scrapes a mirror', {
  skip: hasPrometheus() ? false : 'Prometheus is missing: apt-get install prometheus'
}, () => {
  let clusters: MirroredClusters
  let certificates: Certificates
  before(async () => {
    certificates = await Certificates.create()
    clusters = await startClusters({}, {
      moreListeners: [{ name: 'TLS', protocol: 'SSL', config: certificates.keyStore('broker') }]
    })
  })
  after(async () => {
    await clusters.close()
    certificates.remove()
  })

  /** A record two days ahead, which the other cluster refuses: it accepts one hour. */
  async function writeRefused (from: 'source' | 'target', topic: string): Promise<void> {
    const other = from === 'source' ? 'target' : 'source'
    const name = 'message.timestamp.after.max.ms'
    const remote = `${from === 'source' ? 'east' : 'west'}.${topic}`
    await clusters[from].createTopic(topic, { configs: { [name]: String(30 * 24 * hourMs) } })
    await clusters[other].createTopic(remote, { configs: { [name]: String(hourMs) } })
    await produce(clusters[from].bootstrapServers, topic, numbered(0, 3).map((record, index) =>
      ({ ...record, timestamp: Date.now() + (index === 1 ? 48 * hourMs : 0) })))
  }

  /** Everything that a panel shows: traffic, re-encoding, a skip, a fault, a limit, a canary. */
  async function startMirrors (t: TestContext, ports: readonly number[]): Promise<void> {
    const { source, target } = clusters
    await source.createTopic('orders', { partitions: 4 })
    await source.createTopic('stamped', {
      partitions: 4, configs: { 'message.timestamp.type': 'LogAppendTime' }
    })
    await writeRefused('source', 'refused')
    await writeRefused('target', 'halted')
    for (const topic of ['orders', 'stamped']) {
      await SequenceLoad.start(t, source, topic, { partitions: 4, recordsPerTurn: 5 })
    }
    const { pem } = tls(certificates)
    const file = createPropertiesFile(t, {
      ...flowProperties(clusters, {
        'west->east.enabled': true,
        'east->west.topics': 'orders,stamped,refused',
        'west->east.topics': 'halted',
        'east->west.record.refused': 'skip',
        'sync.topic.configs.enabled': false,
        'east->west.bandwidth.max': '100MiB',
        'canary.enabled': true,
        'canary.interval.ms': 200,
        'canary.topic.replication.factor': 1
      }),
      ...clusterProperties('west', pem as Login, target)
    })
    const mirrors: MirrorProcess[] = []
    for (const port of ports) {
      mirrors.push(await startMirror(t, file, ['--metrics-port', String(port)]))
    }
  }

  test('has data for each panel of the dashboard, with the labels of its legend', async t => {
    const ports = await reservePorts(2)
    await startMirrors(t, ports)
    const server = await startPrometheus(t, ports.map(port => `127.0.0.1:${port}`))
    const problems = new Set<string>()
    await eventually('data for each panel', async () => {
      problems.clear()
      for (const { expression, labels, name } of queries) {
        const samples = (await server.query(expression)).filter(isFinite)
        if (samples.length === 0 && emptyByNature[name] === undefined) problems.add(name)
        for (const { metric } of samples) {
          for (const label of labels.filter(each => metric[each] === undefined)) {
            problems.add(`${name}: the legend shows ${label}, which the result does not have`)
          }
        }
      }
      return problems.size === 0
    }, { timeoutMs: dataTimeoutMs, intervalMs: 1000 }).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${[...problems].join('; ')}`)
    })
    await checkVariables(server)
    await checkRules(server)
  })

  test('is asked by the names of panels that exist', () => {
    const names = queries.map(({ name }) => name)
    assert.deepEqual(Object.keys(emptyByNature).filter(name => !names.includes(name)), [])
  })
})

async function checkVariables (server: PrometheusServer): Promise<void> {
  const expected: Readonly<Record<string, readonly string[]>> = {
    job: ['longhaul'], source: ['east', 'west'], target: ['east', 'west'], topic: ['orders']
  }
  for (const { name, query } of templating.list) {
    if (typeof query === 'string') continue
    const [, series = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query.query) ?? []
    const values = await server.labelValues(label, asSent(series))
    for (const value of expected[name] ?? assert.fail(`expect values of ${name}`)) {
      assert.ok(values.includes(value), `${name}: ${values.join()}`)
    }
  }
}

async function checkRules (server: PrometheusServer): Promise<void> {
  const rules = await eventually('an evaluation of each rule', async () => {
    const all = await server.rules()
    return all.every(({ health }) => health !== 'unknown') && all
  }, { timeoutMs: dataTimeoutMs, intervalMs: 1000 })
  assert.deepEqual(rules.filter(({ health }) => health !== 'ok')
    .map(({ lastError, name }) => `${name}: ${lastError}`), [])
  const recorded = rules.filter(({ type }) => type === 'recording').map(({ name }) => name)
  assert.ok(recorded.length >= 10, recorded.join())
  const isEmpty = async (name: string): Promise<boolean> =>
    !(await server.query(name)).some(isFinite)
  await eventually('data for each recording rule', async () =>
    !(await Promise.all(recorded.map(isEmpty))).includes(true),
  { timeoutMs: dataTimeoutMs, intervalMs: 1000 })

  // Each is pending at first; LonghaulPartitionFaulted fires after two minutes.
  const expected = ['LonghaulPartitionFaulted', 'LonghaulRecordsSkipped']
  const active = await eventually('the alerts', async () => {
    const alerts = (await server.rules()).flatMap(({ alerts = [] }) => alerts)
    const names = alerts.map(({ labels }) => labels['alertname'] ?? '')
    return expected.every(name => names.includes(name)) && alerts
  }, { timeoutMs: dataTimeoutMs, intervalMs: 1000 })
  assert.deepEqual([...new Set(active.map(({ labels }) => labels['alertname']))].sort(), expected)
  assert.deepEqual(active.map(({ annotations, labels: { alertname } }) =>
    `${alertname}: ${annotations['summary']}`).sort(), [
    'LonghaulPartitionFaulted: west->east: 1 faulted',
    'LonghaulRecordsSkipped: refused of east->west: records were skipped (record_refused)'
  ])
}
