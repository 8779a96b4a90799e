// THE table of the Grafana dashboard: each row of panels with the expressions that they show.
// render-grafana-dashboard.ts makes deploy/grafana/longhaul.json of it.
import type { MetricName } from './metric-table.ts'

export type PanelUnit = 'short' | 's' | 'Bps' | 'bytes' | 'percentunit' | 'reqps' | 'dtdurations'

export interface PanelRow {
  readonly title: string
  readonly unit: PanelUnit
  /** Two panels share a line, four figures do. */
  readonly kind: 'figure' | 'lines' | 'states'
  readonly help?: string
  readonly queries: ReadonlyArray<readonly [legend: string, expression: string]>
}

const flow = '{job=~"$job",source=~"$source",target=~"$target"}'
const topic = '{job=~"$job",source=~"$source",target=~"$target",topic=~"$topic"}'
const ofProcess = '{job=~"$job"}'

/** A selector with more matchers. */
function where (selector: string, more: string): string {
  return `${selector.slice(0, -1)},${more}}`
}

function rate (metric: MetricName, selector: string): string {
  return `rate(${metric}${selector}[$__rate_interval])`
}

function quantile (
  share: number, metric: MetricName = 'longhaul_replication_latency_seconds'
): string {
  const buckets = `${metric}_bucket${flow}[$__rate_interval]`
  return `histogram_quantile(${share}, sum by (source, target, le) (rate(${buckets})))`
}

const flowName = '{{source}}->{{target}}'
const brokerName = `${flowName} {{cluster}} {{broker}}`
const sumByBroker = 'sum by (source, target, cluster, broker)'
const topicName = `${flowName} {{topic}}`

export const panelTable: Readonly<Record<string, readonly PanelRow[]>> = {
  'At a glance': [
    {
      title: 'Largest lag', unit: 's', kind: 'figure',
      queries: [['', `max(longhaul_lag_seconds_max${topic})`]]
    },
    {
      title: 'Records a second', unit: 'short', kind: 'figure',
      queries: [['', `sum(${rate('longhaul_records_forwarded_total', topic)})`]]
    },
    {
      title: 'Faulted partitions', unit: 'short', kind: 'figure',
      queries: [['', `sum(longhaul_partitions${where(flow, 'state="faulted"')})`]]
    },
    {
      title: 'Flows that are not ready', unit: 'short', kind: 'figure',
      queries: [['', `sum(max by (source, target) (longhaul_flow_not_ready${flow}))`]]
    }
  ],
  'Lag and throughput': [
    {
      title: 'Lag in seconds', unit: 's', kind: 'lines',
      help: 'The age of the oldest record that the target lacks, and the recovery point.',
      queries: [
        [topicName, `topk(20, max by (source, target, topic) (longhaul_lag_seconds_max${topic}))`],
        ['recovery point', 'longhaul:recovery_point_seconds']
      ]
    },
    {
      title: 'Lag in records', unit: 'short', kind: 'lines',
      queries: [
        [topicName, `topk(20, sum by (source, target, topic) (longhaul_lag_records${topic}))`]
      ]
    },
    {
      title: 'Records a second', unit: 'short', kind: 'lines',
      queries: [[topicName, 'topk(20, sum by (source, target, topic) ' +
        `(${rate('longhaul_records_forwarded_total', topic)}))`]]
    },
    {
      title: 'Bytes a second', unit: 'Bps', kind: 'lines',
      queries: [[topicName, 'topk(20, sum by (source, target, topic) ' +
        `(${rate('longhaul_bytes_forwarded_total', topic)}))`]]
    },
    {
      title: 'Latency', unit: 's', kind: 'lines',
      help: 'From the timestamp of a record to its acknowledgement by the target.',
      queries: [0.5, 0.99, 0.999].map(share => [`${flowName} p${share * 100}`, quantile(share)])
    },
    {
      title: 'Share of batches that are re-encoded', unit: 'percentunit', kind: 'lines',
      queries: [[`${flowName} {{reason}}`, 'sum by (source, target, reason) ' +
        `(${rate('longhaul_batches_reencoded_total', topic)}) / on (source, target) ` +
        'group_left () sum by (source, target) ' +
        `(${rate('longhaul_batches_forwarded_total', topic)})`]]
    }
  ],
  'States': [
    {
      title: 'Why flows are not ready', unit: 'short', kind: 'states',
      queries: [[`${flowName} {{reason}}`,
        `max by (source, target, reason) (longhaul_flow_not_ready${flow})`]]
    },
    {
      title: 'Partitions by state', unit: 'short', kind: 'lines',
      queries: [[`${flowName} {{state}}`,
        `sum by (source, target, state) (longhaul_partitions${flow})`]]
    },
    {
      title: 'Task slots by process', unit: 'short', kind: 'lines',
      queries: [[`${flowName} {{instance}}`, `longhaul_slots_owned${flow}`]]
    },
    {
      title: 'Processes with other settings', unit: 'short', kind: 'lines',
      queries: [[`${flowName} {{instance}}`, `longhaul_members_differing${flow}`]]
    }
  ],
  'Canary': [
    {
      title: 'Canary records lost, doubled or late', unit: 'short', kind: 'lines',
      help: 'Needs canary.enabled=true.',
      queries: [[`${flowName} {{result}}`, 'sum by (source, target, result) (increase(' +
        `longhaul_canary_records_total${where(flow, 'result=~"lost|doubled|late"')}` +
        '[$__rate_interval]))']]
    },
    {
      title: 'Latency of canary records', unit: 's', kind: 'lines',
      queries: [
        [`${flowName} p50`, quantile(0.5, 'longhaul_canary_latency_seconds')],
        [`${flowName} p99`, quantile(0.99, 'longhaul_canary_latency_seconds')]
      ]
    },
    {
      title: 'Age of the oldest canary record that has not arrived', unit: 's', kind: 'lines',
      queries: [[flowName, `max by (source, target) (longhaul_canary_outstanding_seconds${flow})`]]
    }
  ],
  'Duties and errors': [
    {
      title: 'Time since the last success of each duty', unit: 's', kind: 'lines',
      queries: [[`${flowName} {{duty}}`, 'time() - min by (source, target, duty) ' +
        `(longhaul_duty_last_success_timestamp_seconds${flow})`]]
    },
    {
      title: 'Time since progress was written', unit: 's', kind: 'lines',
      queries: [[flowName, `max by (source, target) (longhaul_progress_age_seconds${flow})`]]
    },
    {
      title: 'Errors', unit: 'short', kind: 'lines',
      help: 'Errors that stopped a partition or occurred in a flow; the others were retried.',
      queries: [
        [`${flowName} {{error}}`, 'sum by (source, target, error) ' +
          `(increase(longhaul_errors_total${flow}[$__rate_interval]))`],
        [`${flowName} {{error}}, retried`, 'sum by (source, target, error) ' +
          `(increase(longhaul_retried_errors_total${flow}[$__rate_interval]))`]
      ]
    },
    {
      title: 'Records that were skipped, doubled or mirrored again', unit: 'short', kind: 'lines',
      queries: [
        [`${topicName} skipped: {{reason}}`,
          `sum by (source, target, topic, reason) (longhaul_records_skipped_total${topic})`],
        [`${topicName} doubled`,
          `sum by (source, target, topic) (longhaul_records_doubled_total${topic}) > 0`],
        [`${topicName} mirrored again`,
          `sum by (source, target, topic) (longhaul_records_mirrored_again_total${topic})`]
      ]
    }
  ],
  'Brokers': [
    {
      title: 'Requests a second by broker', unit: 'reqps', kind: 'lines',
      queries: [
        [brokerName, `${sumByBroker} (${rate('longhaul_broker_requests_total', flow)})`],
        [`${brokerName} failed`,
          `${sumByBroker} (${rate('longhaul_broker_failed_requests_total', flow)}) > 0`]
      ]
    },
    {
      title: 'Mean time until a broker answers', unit: 's', kind: 'lines',
      help: 'A source broker that has no records holds a Fetch for up to fetch.max.wait.ms.',
      queries: [[brokerName,
        `${sumByBroker} (${rate('longhaul_broker_answer_seconds_total', flow)}) / ` +
        `${sumByBroker} (${rate('longhaul_broker_requests_total', flow)})`]]
    },
    {
      title: 'Bytes a second by broker', unit: 'Bps', kind: 'lines',
      queries: [
        [`${brokerName} received`,
          `${sumByBroker} (${rate('longhaul_broker_received_bytes_total', flow)})`],
        [`${brokerName} sent`,
          `${sumByBroker} (${rate('longhaul_broker_sent_bytes_total', flow)})`]
      ]
    },
    {
      title: 'Connections opened by broker', unit: 'short', kind: 'lines',
      queries: [[brokerName, `${sumByBroker} ` +
        `(increase(longhaul_broker_connections_total${flow}[$__rate_interval]))`]]
    }
  ],
  'Resources': [
    {
      title: 'Memory of the process', unit: 'bytes', kind: 'lines',
      queries: [
        ['{{instance}}', `process_resident_memory_bytes${ofProcess}`],
        ['limit', 'longhaul:memory_limit_bytes']
      ]
    },
    {
      title: 'Processor time', unit: 'percentunit', kind: 'lines',
      queries: [['{{instance}}', `rate(process_cpu_seconds_total${ofProcess}[$__rate_interval])`]]
    },
    {
      title: 'Bytes in flight of lanes, and the limit of all', unit: 'bytes', kind: 'lines',
      queries: [
        [`${flowName} {{instance}} lane {{lane}}`, `longhaul_in_flight_bytes${flow}`],
        ['{{instance}} limit', `longhaul_in_flight_limit_bytes${ofProcess}`]
      ]
    },
    {
      title: 'Time for which a broker throttles lanes', unit: 'percentunit', kind: 'lines',
      queries: [[brokerName,
        `${sumByBroker} (${rate('longhaul_broker_throttle_seconds_total', flow)})`]]
    },
    {
      title: 'Time for which the limit of the bandwidth holds back lanes', unit: 'percentunit',
      kind: 'lines',
      queries: [[flowName, 'sum by (source, target) ' +
        `(${rate('longhaul_bandwidth_wait_seconds_total', flow)})`]]
    },
    {
      title: 'Bytes a second of a flow, and the limit', unit: 'Bps', kind: 'lines',
      queries: [
        [`${flowName} fetched`, 'sum by (source, target) ' +
          `(${rate('longhaul_fetched_bytes_total', flow)})`],
        [`${flowName} limit`,
          `max by (source, target) (longhaul_bandwidth_max_bytes${flow}) > 0`]
      ]
    },
    {
      title: 'Requests a second', unit: 'reqps', kind: 'lines',
      queries: [
        [`${flowName} Fetch`, 'sum by (source, target) ' +
          `(${rate('longhaul_fetch_requests_total', flow)})`],
        [`${flowName} Produce`, 'sum by (source, target) ' +
          `(${rate('longhaul_produce_requests_total', flow)})`]
      ]
    },
    {
      title: 'Time until certificates expire', unit: 'dtdurations', kind: 'lines',
      queries: [[`${flowName} {{cluster}} {{of}}`, 'min by (source, target, cluster, of) ' +
        `(longhaul_certificate_expiry_timestamp_seconds${flow}) - time()`]]
    }
  ]
}
