// Debian's Prometheus as a child process: it scrapes processes each second, evaluates the rules of
// deploy/prometheus, and answers queries.
import { execFileSync } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { eventually } from '../kafka/eventually.ts'
import type { CleanUp } from '../kafka/failed-test.ts'
import { releasePorts, reservePorts } from '../kafka/ports.ts'
import { createTempFolder, killChild, removeFolder, spawnGuarded } from '../kafka/process-guard.ts'
import { repoRoot } from '../kafka/repo-root.ts'

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [time: number, value: string]
}

export interface ActiveAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly state: 'firing' | 'pending'
}

export interface EvaluatedRule {
  readonly name: string
  readonly type: 'alerting' | 'recording'
  readonly health: 'err' | 'ok' | 'unknown'
  readonly lastError?: string
  readonly alerts?: readonly ActiveAlert[]
}

export interface PrometheusServer {
  /** The result of an expression now. */
  readonly query: (expression: string) => Promise<readonly Sample[]>
  /** As `label_values(series, label)` of Grafana. */
  readonly labelValues: (label: string, series: string) => Promise<readonly string[]>
  readonly rules: () => Promise<readonly EvaluatedRule[]>
}

const rulesFile = 'longhaul.rules.yml'

export function hasPrometheus (): boolean {
  try {
    execFileSync('prometheus', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Ends with the test. The targets are `HOST:PORT`; the job is that of the rules. */
export async function startPrometheus (
  t: CleanUp, targets: readonly string[]
): Promise<PrometheusServer> {
  const folder = createTempFolder('prometheus')
  const [port = 0] = await reservePorts(1)
  copyFileSync(join(repoRoot(), 'deploy/prometheus', rulesFile), join(folder, rulesFile))
  const config = join(folder, 'prometheus.yml')
  writeFileSync(config, stringify({
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [rulesFile],
    scrape_configs: [{ job_name: 'longhaul', static_configs: [{ targets }] }]
  }))
  const child = spawnGuarded('prometheus', [`--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`],
  { stdio: 'ignore' })
  t.after(async () => {
    await killChild(child)
    releasePorts([port])
    removeFolder(folder)
  })
  const ask = async <Data> (path: string): Promise<Data> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    const body = await response.json() as
      { readonly status: string, readonly error?: string, readonly data: Data }
    if (body.status !== 'success') throw new Error(`${path}: ${body.error}`)
    return body.data
  }
  await eventually('Prometheus', async () =>
    await fetch(`http://127.0.0.1:${port}/-/ready`).then(({ ok }) => ok, () => false))
  return {
    query: async expression => (await ask<{ readonly result: readonly Sample[] }>(
      `/api/v1/query?${String(new URLSearchParams({ query: expression }))}`)).result,
    labelValues: async (label, series) => await ask<readonly string[]>(
      `/api/v1/label/${label}/values?${String(new URLSearchParams({ 'match[]': series }))}`),
    rules: async () => (await ask<{
      readonly groups: ReadonlyArray<{ readonly rules: readonly EvaluatedRule[] }>
    }>('/api/v1/rules')).groups.flatMap(({ rules }) => rules)
  }
}
