// Renders the metric table as METRICS.md.
import { metricTable, type MetricRow } from './metric-table.ts'

const head = `# Metrics

Generated from the metric table; change the table, then \`npm run generate\`.

\`longhaul run\` serves them on \`metrics.host:metrics.port\` at \`/metrics\`, in the text format of
Prometheus, together with CPU, memory and event loop of the process (\`process_*\`, \`nodejs_*\`).
\`/healthz\` answers 200 as long as the event loop of the process runs. \`/version\` names the
versions.

\`/readyz\` answers 200 while records flow and 503, with a sentence for each flow and reason, when
- a flow is starting or could not be started (\`state\`),
- a cluster of the flow does not answer (\`cluster\`: within 15 s),
- no process owns its task slots (\`slots\`),
- more partitions are faulted than \`readiness.faulted.partitions.max\`, 0 by default, or topics
  cannot be mirrored at all (\`faulted\`),
- the target has acknowledged no record for 10 s although the source has more, or a partition is
  stalled for a minute (\`stalled\`). Paused partitions and records after the start of an open
  transaction do not count.

\`source\` and \`target\` are cluster aliases, \`topic\` is the name on the source. Counters end in
\`_total\` and never fall while a flow is up, whatever happens to its lanes and partitions.
`

const mirrorMakerHead = `## As MirrorMaker 2, with metrics.mirror.maker.names=true

The same figures under the names and labels that Strimzi's rules for the JMX exporter derive from
MirrorMaker 2 (Kafka 4), so that its dashboards and alerts continue to work. Here \`topic\` is the
name on the target. Figures of the last minute are sampled as MirrorMaker 2 samples them.
`

export function renderMetricDocs (): string {
  const rows = Object.entries<MetricRow>(metricTable)
  return [
    head,
    ...section('## A flow and its topics', rows.filter(([, row]) =>
      row.perPartition !== true && row.ofMirrorMaker !== true)),
    ...section('## Partitions, with metrics.per.partition=true',
      rows.filter(([, row]) => row.perPartition === true)),
    mirrorMakerHead,
    ...section('', rows.filter(([, row]) => row.ofMirrorMaker === true)).slice(2)
  ].join('\n')
}

function section (title: string, rows: readonly (readonly [string, MetricRow])[]): string[] {
  return [
    title,
    '',
    '| Metric | Type | Labels | Meaning |',
    '|---|---|---|---|',
    ...rows.map(([name, row]) =>
      `| \`${name}\` | ${row.type} | ${row.labels.join(', ')} | ${row.help} |`),
    ''
  ]
}
