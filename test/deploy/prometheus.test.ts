// The Prometheus rules name metrics that exist, each alert has a test and a runbook, and promtool
// accepts the rules and runs their tests.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { repoRoot } from '../kafka/repo-root.ts'
import { runCaptured } from '../orchestrator/cli/run-program.ts'
import { recordedLabels, unknownNames } from './metric-names.ts'
import { tryTool } from './tool.ts'

interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}
interface RuleFile { readonly groups: ReadonlyArray<{ readonly rules: readonly Rule[] }> }
interface RuleTest {
  readonly name: string
  readonly promql_expr_test: ReadonlyArray<{
    readonly eval_time: string
    readonly exp_samples: ReadonlyArray<{ readonly labels: string }>
  }>
}

const root = repoRoot()
const folder = join(root, 'deploy/prometheus')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const rules = (parse(read('deploy/prometheus/longhaul.rules.yml')) as RuleFile)
  .groups.flatMap(group => group.rules)
const alerts = rules.flatMap(rule =>
  rule.alert === undefined ? [] : [{ ...rule, name: rule.alert }])
const { tests } = parse(read('deploy/prometheus/longhaul.rules.test.yml'), { maxAliasCount: -1 }) as
  { tests: readonly RuleTest[] }

describe('the names in the Prometheus rules', () => {
  const recorded = new Map(rules.flatMap(({ record }) =>
    record === undefined ? [] : [[record, recordedLabels(record)] as const]))

  test('are metrics, labels and label values that exist', () => {
    assert.deepEqual(rules.flatMap(({ alert, expr, record }) =>
      unknownNames(expr, recorded).map(what => `${alert ?? record}: ${what}`)), [])
  })

  test('are checked: metrics, labels, values and groupings that do not exist are found', () => {
    const unknown = (expression: string): string => unknownNames(expression, recorded).join()
    assert.equal(unknown('rate(longhaul_lag_second[5m]) > 5'),
      'there is no metric longhaul_lag_second')
    assert.equal(unknown('longhaul_lag_records{group="a"}'),
      'longhaul_lag_records has no label group')
    assert.equal(unknown('longhaul_flow_not_ready{reason=~"slots|slot"}'),
      'longhaul_flow_not_ready never has reason="slot"')
    assert.equal(unknown('sum by (lane) (longhaul_lag_records)'),
      'no metric here has the label lane')
    assert.equal(unknown('longhaul_replication_latency_seconds'),
      'there is no metric longhaul_replication_latency_seconds')
    assert.equal(unknown('vectr(1)'), 'there is no metric vectr')
  })
})

describe('each Prometheus alert', () => {
  test('has a severity, a summary, a description and a section of the runbooks', () => {
    for (const { annotations, labels, name } of alerts) {
      assert.match(labels?.['severity'] ?? '', /^(critical|warning)$/, name)
      assert.ok(annotations?.['summary'], name)
      assert.ok(annotations['description'], name)
      assert.equal(annotations['runbook_url'], `docs/runbooks.md#${name.toLowerCase()}`)
    }
  })

  test('has a test in which it fires, and a moment at which it does not', () => {
    assert.deepEqual(tests.map(({ name }) => name), alerts.map(({ name }) => name))
    for (const { name, promql_expr_test: checks } of tests) {
      const fires = checks.map(({ exp_samples: samples }) =>
        samples.filter(({ labels }) => labels.includes(`alertname="${name}"`)).length)
      assert.ok(fires.some(count => count > 0), `${name} never fires in its test`)
      assert.ok(new Set(fires).size > 1, `${name} always fires in its test`)
    }
  })
})

describe('the runbooks', () => {
  const sections = read('docs/runbooks.md').split(/^## /m).slice(1)

  test('have a section for each alert, in the order of the rules, and no other', () => {
    assert.deepEqual(sections.map(text => text.split('\n')[0]), alerts.map(({ name }) => name))
  })

  test('say what each alert means, what to look at and what to do', () => {
    for (const text of sections) {
      assert.match(text, /\*\*Means\.\*\* \w.*\*\*Look at\.\*\* \S.*\*\*Do\.\*\* \S/s, text)
    }
  })
})

describe('the commands in the runbooks', () => {
  const text = read('docs/runbooks.md')
  const commands = [...text.matchAll(/(?:`|^)longhaul ([a-z][^`#\n]*)/gm)]
    .map(([, words = '']) => words.trim().split(/\s+/))
  const verbs = new Map(commands.map(words => {
    const verb = words.slice(0, words.findIndex(word => word === 'FILE'))
    return [verb.join(' '), verb]
  }))

  test('are commands of longhaul, with options that they have', async () => {
    assert.ok(verbs.size >= 5)
    for (const [name, verb] of verbs) {
      const { exitCode, written } = await runCaptured([...verb, '--help'])
      assert.equal(exitCode, 0, `${name}: ${written}`)
      assert.ok(written.startsWith(`Usage: longhaul ${name} `), written)
      const options = commands.filter(words => words.join(' ').startsWith(`${name} FILE`))
        .flat().filter(word => word.startsWith('--'))
      for (const option of options) assert.ok(written.includes(`${option} `), `${name} ${option}`)
    }
  })
})

describe('promtool', () => {
  const howToInstall = 'apt-get install prometheus'

  test('accepts the rules', t => {
    const result = tryTool(t, howToInstall,
      ['promtool', 'check', 'rules', join(folder, 'longhaul.rules.yml')])
    if (result === undefined) return
    assert.equal(result.status, 0, result.output)
    assert.match(result.output, new RegExp(`\\b${rules.length} rules found`))
  })

  test('runs the tests of the rules', t => {
    const result = tryTool(t, howToInstall,
      ['promtool', 'test', 'rules', join(folder, 'longhaul.rules.test.yml')])
    if (result === undefined) return
    assert.equal(result.status, 0, result.output)
  })
})
