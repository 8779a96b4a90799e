// THE table of settings. Types, parsing, ranges, --help, CONFIGURATION.md, redaction and the
// Forwarder's settings derive from it. Each area has a file of rows. Properties of MirrorMaker 2
// without effect are in idle-properties.ts, client properties in client-properties.ts.
import { dutyTable } from './duty-table.ts'
import { groupTable } from './group-table.ts'
import { processTable } from './process-table.ts'
import { progressTable } from './progress-table.ts'
import { recordTable } from './record-table.ts'
import type { Row } from './setting-kinds.ts'
import { topicTable } from './topic-table.ts'

export { processTable }

/** Settings of a replication flow: `A->B.NAME`, or `B.NAME` or `NAME` for several flows. */
export const flowTable = {
  ...topicTable, ...groupTable, ...dutyTable, ...recordTable, ...progressTable
} as const

/** Settings of a flow that may also be set for one topic: `A->B.topic.TOPIC.NAME`. */
export const topicSettingNames = [
  'data.loss', 'topic.recreated', 'record.too.large', 'record.refused', 'corrupt.batch',
  'batching', 'bandwidth.share'
] as const satisfies ReadonlyArray<keyof typeof flowTable>

type ValueOf<R> = R extends Row<infer Value> ? Value : never
type ValuesOf<Table> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> }

export type ProcessSettings = ValuesOf<typeof processTable>
export type FlowSettings = ValuesOf<typeof flowTable>
export type ProcessSetting = keyof ProcessSettings
export type FlowSetting = keyof FlowSettings
export type TopicSetting = (typeof topicSettingNames)[number]
export type TopicSettings = Pick<FlowSettings, TopicSetting>

export const configTable = { ...processTable, ...flowTable } as const

export type Setting = ProcessSetting | FlowSetting
export type AnyRow = Row<unknown>

/** The row of a setting with a value of any type; for code that reads all rows. */
export function rowOf (name: Setting): AnyRow {
  return configTable[name]
}

const settingByAlias: ReadonlyMap<string, Setting> = new Map(
  (Object.keys(configTable) as Setting[]).flatMap(
    name => (rowOf(name).alias ?? []).map(alias => [alias, name] as const))
)

/** The setting with this name or alias. */
export function settingNamed (name: string): Setting | undefined {
  return Object.hasOwn(configTable, name) ? name as Setting : settingByAlias.get(name)
}

export function isProcessSetting (name: Setting): name is ProcessSetting {
  return Object.hasOwn(processTable, name)
}
