// The Helm chart: helm accepts it and its values, and what it renders agrees with the program, the
// image and the alert rules. No Kubernetes runs it here. helm is compiled once, with Go.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { processTable } from '../../src/orchestrator/config/process-table.ts'
import { version } from '../../src/orchestrator/version.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import { tryTool, type ToolResult } from './tool.ts'

const chart = join(repoRoot(), 'deploy/helm/longhaul')
const tools = join(repoRoot(), '.cache/tools')
const helmModule = 'helm.sh/helm/v3/cmd/helm@v3.22.0'

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: unknown
  readonly stringData?: Readonly<Record<string, string>>
}

/** The value at a path of names and indexes; undefined: there is none. */
function at (value: unknown, ...path: ReadonlyArray<string | number>): unknown {
  return path.reduce<unknown>((inner, key) =>
    (inner as Readonly<Record<string | number, unknown>> | undefined)?.[key], value)
}

function listAt (value: unknown, ...path: ReadonlyArray<string | number>): readonly unknown[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : assert.fail(`no list at ${path.join('.')}`)
}

function helm (t: TestContext, ...args: readonly string[]): ToolResult | undefined {
  const program = join(tools, 'helm')
  if (!existsSync(program)) {
    mkdirSync(tools, { recursive: true })
    const { error, status } = spawnSync('go', ['install', helmModule],
      { env: { ...process.env, GOBIN: tools }, stdio: 'ignore', timeout: 1_800_000 })
    if (error !== undefined || status !== 0) {
      t.skip(`helm is missing: with Go, GOBIN=${tools} go install ${helmModule}`)
      return undefined
    }
  }
  return tryTool(t, `go install ${helmModule}`, [program, ...args])
}

/** By kind; undefined: helm is missing. */
function render (
  t: TestContext, ...args: readonly string[]
): ReadonlyMap<string, Manifest> | undefined {
  const result = helm(t, 'template', 'longhaul', chart, '--kube-version', '1.29.0', ...args)
  if (result === undefined) return undefined
  assert.equal(result.status, 0, result.output)
  const text = result.output.split('\n').filter(line => !line.startsWith('walk.go')).join('\n')
  const manifests = parseAllDocuments(text).map(document => {
    assert.deepEqual([...'errors' in document ? document.errors : []], [])
    return (document as { toJS: () => unknown }).toJS() as Manifest | null
  }).filter(manifest => manifest !== null)
  return new Map(manifests.map(manifest => [manifest.kind, manifest]))
}

function find (manifests: ReadonlyMap<string, Manifest>, kind: string): Manifest {
  return manifests.get(kind) ?? assert.fail(`no ${kind} in ${[...manifests.keys()].join()}`)
}

const podOf = (manifests: ReadonlyMap<string, Manifest>): unknown =>
  at(find(manifests, 'Deployment').spec, 'template')

const containerOf = (manifests: ReadonlyMap<string, Manifest>): unknown =>
  at(podOf(manifests), 'spec', 'containers', 0) ?? assert.fail('no container')

describe('the Helm chart', { timeout: 1_900_000 }, () => {
  test('is accepted by helm lint', t => {
    const result = helm(t, 'lint', '--strict', chart)
    if (result !== undefined) assert.equal(result.status, 0, result.output)
  })

  test('runs the program of the image as its user, without a right that it does not need', t => {
    const manifests = render(t)
    if (manifests === undefined) return
    assert.deepEqual([...manifests.keys()].sort(), ['Deployment', 'PodDisruptionBudget', 'Secret'])
    const dockerfile = readFileSync(join(repoRoot(), 'deploy/docker/Dockerfile'), 'utf8')
    const [, user, group] = /^USER (\d+):(\d+)$/m.exec(dockerfile) ?? []
    assert.deepEqual(at(podOf(manifests), 'spec', 'securityContext'), {
      runAsNonRoot: true, runAsUser: Number(user), runAsGroup: Number(group),
      fsGroup: Number(group), seccompProfile: { type: 'RuntimeDefault' }
    })
    const container = containerOf(manifests)
    assert.deepEqual(at(container, 'securityContext'), {
      allowPrivilegeEscalation: false, readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] }
    })
    const [, command] = /^CMD (\[.*\])$/m.exec(dockerfile) ?? []
    assert.deepEqual(at(container, 'args'),
      [...JSON.parse(command ?? '[]') as string[], '--log-format', 'json'])
    assert.equal(at(container, 'image'), `longhaul:${version}`)
  })

  test('asks the process at its port, over HTTPS where the file has a certificate', t => {
    for (const [tls, scheme] of [['false', 'HTTP'], ['true', 'HTTPS']] as const) {
      const manifests = render(t, '--set', `tls=${tls},podMonitor.enabled=true`)
      if (manifests === undefined) return
      const container = containerOf(manifests)
      assert.deepEqual(at(container, 'ports'),
        [{ name: 'metrics', containerPort: processTable['metrics.port'].default }])
      assert.deepEqual(at(container, 'livenessProbe', 'httpGet'),
        { path: '/healthz', port: 'metrics', scheme })
      assert.deepEqual(at(container, 'readinessProbe', 'httpGet'),
        { path: '/readyz', port: 'metrics', scheme })
      const endpoint = at(find(manifests, 'PodMonitor').spec, 'podMetricsEndpoints', 0)
      assert.equal(at(endpoint, 'scheme'), scheme.toLowerCase())
      // The rules name this job.
      assert.deepEqual(at(endpoint, 'relabelings'),
        [{ targetLabel: 'job', replacement: 'longhaul' }])
    }
  })

  test('selects its own pods, and each mount has its volume', t => {
    const manifests = render(t, '--set', 'podMonitor.enabled=true,envSecrets={passwords}',
      '--set', 'secretMounts[0].name=kafka,secretMounts[0].mountPath=/etc/kafka')
    if (manifests === undefined) return
    const pod = podOf(manifests)
    for (const kind of ['Deployment', 'PodDisruptionBudget', 'PodMonitor']) {
      const selector = at(find(manifests, kind).spec, 'selector', 'matchLabels')
      const wanted = Object.entries(selector as Readonly<Record<string, string>>)
      assert.ok(wanted.length > 0, kind)
      for (const [name, value] of wanted) {
        assert.equal(at(pod, 'metadata', 'labels', name), value, kind)
      }
    }
    const volumes = listAt(pod, 'spec', 'volumes')
    const container = containerOf(manifests)
    assert.deepEqual(volumes.map(volume => at(volume, 'name')),
      listAt(container, 'volumeMounts').map(mount => at(mount, 'name')))
    assert.deepEqual(at(container, 'envFrom'), [{ secretRef: { name: 'passwords' } }])
    const secret = find(manifests, 'Secret')
    assert.equal(at(volumes[0], 'secret', 'secretName'), secret.metadata.name)
    assert.match(secret.stringData?.['longhaul.properties'] ?? '',
      /^clusters = frankfurt, sydney$/m)
  })

  test('waits longer for a stop than the program, and restarts for a changed file', t => {
    const before = render(t)
    const after = render(t, '--set', 'config=clusters = a')
    if (before === undefined || after === undefined) return
    const seconds = Number(at(podOf(before), 'spec', 'terminationGracePeriodSeconds'))
    assert.ok(seconds > processTable['drain.timeout.ms'].default / 1000 + 2, String(seconds))
    const digest = (of: typeof before): unknown => at(podOf(of), 'metadata', 'annotations')
    assert.notDeepEqual(digest(before), digest(after))
    const own = render(t, '--set', 'configSecret=mine,replicas=1')
    if (own === undefined) return
    assert.deepEqual([...own.keys()], ['Deployment'])
  })

  test('has the alert rules, with the bounds of its values', t => {
    const manifests = render(t, '--set', 'prometheusRule.enabled=true',
      '--set', 'prometheusRule.recoveryPointSeconds=60,resources.limits.memory=768Mi')
    if (manifests === undefined) return
    const folder = mkdtempSync(join(tmpdir(), 'longhaul-helm-'))
    t.after(() => { rmSync(folder, { recursive: true, force: true }) })
    const file = join(folder, 'rules.json')
    const { spec } = find(manifests, 'PrometheusRule')
    writeFileSync(file, JSON.stringify(spec))
    const rules = JSON.stringify(spec)
    assert.match(rules, /"longhaul:recovery_point_seconds","expr":"vector\(60\)"/)
    assert.match(rules, /"longhaul:memory_limit_bytes","expr":"vector\(805306368\)"/)
    const checked = tryTool(t, 'apt-get install prometheus', ['promtool', 'check', 'rules', file])
    if (checked !== undefined) assert.equal(checked.status, 0, checked.output)
  })

  test('refuses values that it does not know or cannot use', t => {
    for (const value of ['replicaCount=2', 'resources.limits.memory=lots', 'image.tagg=1']) {
      const result = helm(t, 'template', chart, '--kube-version', '1.29.0', '--set', value)
      if (result === undefined) return
      assert.notEqual(result.status, 0, value)
    }
  })
})
