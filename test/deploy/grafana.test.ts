// The Grafana dashboard: its expressions name metrics that exist and are PromQL, its variables
// exist, its panels do not overlap. test/tidy.test.ts checks that it is what its table renders.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { stringify } from 'yaml'
import { repoRoot } from '../kafka/repo-root.ts'
import { unknownNames } from './metric-names.ts'
import { tryTool } from './tool.ts'

interface Panel {
  readonly id: number
  readonly title: string
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
  readonly targets?: ReadonlyArray<{ readonly refId: string, readonly expr: string }>
}
interface Variable { readonly name: string, readonly query: string | { readonly query: string } }
interface Dashboard {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
}

const text = readFileSync(join(repoRoot(), 'deploy/grafana/longhaul.json'), 'utf8')
const { panels, templating } = JSON.parse(text) as Dashboard
const queries = panels.flatMap(({ targets = [], title }) =>
  targets.map(({ expr }) => ({ title, expr })))
/** label_values(SERIES, LABEL) of the variables. */
const labelQueries = templating.list.flatMap(({ query }) => {
  const [, series, label] = /^label_values\((.*), (\w+)\)$/.exec(
    typeof query === 'string' ? query : query.query) ?? []
  return series === undefined ? [] : [{ series, label }]
})
/** The rules record these. */
const recorded = new Map([
  ['longhaul:recovery_point_seconds', []], ['longhaul:memory_limit_bytes', []]
])

describe('the Grafana dashboard', () => {
  test('names metrics, labels and label values that exist', () => {
    assert.deepEqual(queries.flatMap(({ expr, title }) =>
      unknownNames(expr, recorded).map(what => `${title}: ${what}`)), [])
    assert.equal(labelQueries.length, 4)
    assert.deepEqual(labelQueries.flatMap(({ label, series }) =>
      unknownNames(`max by (${label}) (${series})`)), [])
  })

  test('has the variables that it uses, each one used', () => {
    const names = templating.list.map(({ name }) => name)
    assert.deepEqual(names, ['datasource', 'job', 'source', 'target', 'topic'])
    const used = [...text.matchAll(/\$\{?([a-z]\w*)/g)].map(([, name]) => name)
    assert.deepEqual(new Set(used), new Set(names))
  })

  test('has panels with ids of their own that do not overlap', () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
    const taken = new Map<string, string>()
    for (const { gridPos: { h, w, x, y }, title } of panels) {
      assert.ok(x + w <= 24, title)
      for (let line = y; line < y + h; line++) {
        for (let column = x; column < x + w; column++) {
          const place = `${line}/${column}`
          assert.equal(taken.get(place), undefined, `${title} overlaps ${taken.get(place)}`)
          taken.set(place, title)
        }
      }
    }
  })

  test('has expressions that are PromQL', t => {
    const folder = mkdtempSync(join(tmpdir(), 'longhaul-grafana-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const rules = queries.map(({ expr }, index) =>
      ({ record: `panel:${index}`, expr: expr.replaceAll('$__rate_interval', '5m') }))
    const file = join(folder, 'panels.yml')
    writeFileSync(file, stringify({ groups: [{ name: 'panels', rules }] }))
    const result = tryTool(t, 'apt-get install prometheus', ['promtool', 'check', 'rules', file])
    if (result === undefined) return
    assert.equal(result.status, 0, result.output)
    assert.match(result.output, new RegExp(`\\b${queries.length} rules found`))
  })
})
