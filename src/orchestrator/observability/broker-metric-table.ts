// The rows of the metric table about single brokers: what lanes sent, what was answered, in which
// time. `cluster` is the alias of the broker's cluster, `broker` the id of the broker.
import type { MetricRow } from './metric-table.ts'

const broker = ['source', 'target', 'cluster', 'broker'] as const

export const brokerMetricTable = {
  longhaul_broker_requests_total: {
    type: 'counter',
    labels: broker,
    help: 'Requests that lanes have sent to a broker, by the id of the broker; requests for ' +
      'metadata are not counted.'
  },
  longhaul_broker_failed_requests_total: {
    type: 'counter',
    labels: broker,
    help: 'Requests to a broker that had no answer.'
  },
  longhaul_broker_answer_seconds_total: {
    type: 'counter',
    labels: broker,
    help: 'Time from sending a request to its answer, summed over the answered requests. A ' +
      'source broker that has no records holds a Fetch for up to fetch.max.wait.ms.'
  },
  longhaul_broker_sent_bytes_total: {
    type: 'counter',
    labels: broker,
    help: 'Bytes of the requests to a broker.'
  },
  longhaul_broker_received_bytes_total: {
    type: 'counter',
    labels: broker,
    help: 'Bytes of the answers of a broker.'
  },
  longhaul_broker_throttle_seconds_total: {
    type: 'counter',
    labels: broker,
    help: 'Time for which a broker asked lanes to wait (quota), summed over the lanes.'
  },
  longhaul_broker_connections_total: {
    type: 'counter',
    labels: broker,
    help: 'Connections that lanes have opened to a broker, without those that renew a login.'
  }
} as const satisfies Record<string, MetricRow>
