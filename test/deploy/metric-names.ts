// Checks that expressions of rules and dashboards name metrics that Longhaul has, with labels and
// label values that those metrics have.
import { batchReasons } from '../../src/dataplane/contract/contract-table.ts'
import { errorTable } from '../../src/orchestrator/errors/error-table.ts'
import { metricTable, type MetricRow } from '../../src/orchestrator/observability/metric-table.ts'
import { notReadyReasons } from '../../src/orchestrator/observability/readiness.ts'
import {
  canaryResults, flowStates, laneStates, skipReasons
} from '../../src/orchestrator/observability/snapshot.ts'
import { usesOf, type MetricUse } from './prom-expression.ts'

const table: Readonly<Record<string, MetricRow>> = metricTable

/** What Prometheus adds to each series. */
const scrapeLabels = ['job', 'instance']
/** Metrics of Prometheus itself and of prom-client that the rules and the dashboard use. */
const otherMetrics = new Set([
  'up', 'process_resident_memory_bytes', 'process_cpu_seconds_total', 'nodejs_heap_size_used_bytes',
  'nodejs_eventloop_lag_p99_seconds'
])

/** Values that a matcher may name, by metric and label. */
const knownValues: Readonly<Record<string, readonly string[]>> = {
  'longhaul_flow_not_ready reason': notReadyReasons,
  'longhaul_flow_state state': flowStates,
  'longhaul_lanes state': laneStates,
  'longhaul_records_skipped_total reason': skipReasons,
  'longhaul_canary_records_total result': canaryResults,
  'longhaul_batches_reencoded_total reason': batchReasons,
  'longhaul_errors_total error': Object.keys(errorTable),
  'longhaul_retried_errors_total error': Object.keys(errorTable)
}

/** One sentence for each name in the expression that does not exist; `$x` are variables. */
export function unknownNames (
  expression: string, recorded: ReadonlyMap<string, readonly string[]> = new Map()
): readonly string[] {
  const { groupedBy, metrics } = usesOf(expression)
  if (metrics.length === 0 && !expression.startsWith('vector(')) {
    return [`no metric: ${expression}`]
  }
  const labelsOf = (metric: string): readonly string[] | undefined => {
    if (otherMetrics.has(metric)) return scrapeLabels
    const row = table[metric]
    if (row !== undefined && row.type !== 'histogram') return [...row.labels, ...scrapeLabels]
    const [, name = '', part] = /^(.*)_(bucket|sum|count)$/.exec(metric) ?? []
    const histogram = table[name]
    if (histogram?.type === 'histogram') {
      return [...histogram.labels, ...scrapeLabels, ...part === 'bucket' ? ['le'] : []]
    }
    return recorded.get(metric)
  }
  const allLabels = new Set(metrics.flatMap(({ metric }) => labelsOf(metric) ?? []))
  return [
    ...metrics.flatMap(use => unknownOfMetric(use, labelsOf(use.metric))),
    ...groupedBy.filter(label => !allLabels.has(label))
      .map(label => `no metric here has the label ${label}`)
  ]
}

function unknownOfMetric (
  { labels, metric, values }: MetricUse, known: readonly string[] | undefined
): readonly string[] {
  if (known === undefined) return [`there is no metric ${metric}`]
  return [
    ...labels.filter(label => !known.includes(label))
      .map(label => `${metric} has no label ${label}`),
    ...values.filter(([label, value]) => !value.startsWith('$') &&
      !(knownValues[`${metric} ${label}`] ?? [value]).includes(value))
      .map(([label, value]) => `${metric} never has ${label}="${value}"`)
  ]
}

/** The labels of a recorded metric, by its name: job_source_target:metric:rate. */
export function recordedLabels (name: string): readonly string[] {
  const [level = ''] = name.split(':')
  return level === 'longhaul' ? [] : level.split('_')
}
