// Renders the panel table as a Grafana dashboard, deploy/grafana/longhaul.json. Pure.
import { panelTable, type PanelRow } from './grafana-panels.ts'

const columns = 24
const sizes = {
  figure: { w: 6, h: 4 },
  lines: { w: 12, h: 8 },
  states: { w: 12, h: 8 }
} as const
const panelTypes = { figure: 'stat', lines: 'timeseries', states: 'state-timeline' } as const
const datasource = { type: 'prometheus', uid: '${datasource}' }

interface Place { readonly x: number, readonly y: number, readonly w: number, readonly h: number }

export function renderGrafanaDashboard (): string {
  const dashboard = {
    uid: 'longhaul',
    title: 'Longhaul',
    tags: ['kafka', 'longhaul'],
    // The newest schema of Grafana 10, which later versions read.
    schemaVersion: 38,
    editable: true,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    timezone: 'browser',
    templating: { list: variables() },
    panels: panels()
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}

function variables (): readonly object[] {
  const flow = 'longhaul_flow_state{job=~"$job"'
  return [
    { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
    labelVariable('job', 'label_values(longhaul_build_info, job)'),
    labelVariable('source', `label_values(${flow}}, source)`),
    labelVariable('target', `label_values(${flow},source=~"$source"}, target)`),
    labelVariable('topic', 'label_values(longhaul_lag_records' +
      '{job=~"$job",source=~"$source",target=~"$target"}, topic)')
  ]
}

function labelVariable (name: string, query: string): object {
  return {
    name,
    type: 'query',
    datasource,
    query: { query, refId: name },
    // When the time range changes: topics come and go.
    refresh: 2,
    includeAll: true,
    allValue: '.*',
    multi: true,
    current: { text: 'All', value: '$__all' },
    sort: 1
  }
}

function panels (): readonly object[] {
  const all: object[] = []
  let y = 0
  for (const [title, rows] of Object.entries(panelTable)) {
    all.push({
      id: all.length + 1, type: 'row', title, collapsed: false, panels: [],
      gridPos: { x: 0, y, w: columns, h: 1 }
    })
    y += 1
    let x = 0
    let height = 0
    for (const row of rows) {
      const { h, w } = sizes[row.kind]
      if (x + w > columns) {
        x = 0
        y += height
      }
      all.push(panel(all.length + 1, row, { x, y, w, h }))
      x += w
      height = h
    }
    y += height
  }
  return all
}

function panel (id: number, row: PanelRow, gridPos: Place): object {
  return {
    id,
    type: panelTypes[row.kind],
    title: row.title,
    ...row.help === undefined ? {} : { description: row.help },
    datasource,
    gridPos,
    fieldConfig: { defaults: { unit: row.unit, min: 0 }, overrides: [] },
    targets: row.queries.map(([legendFormat, expr], index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index), datasource, expr, legendFormat
    }))
  }
}
