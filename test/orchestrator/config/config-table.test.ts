// The table compared with everything that derives from it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { forwarderSettings } from '../../../src/dataplane/contract/contract-table.ts'
import { idleProperties } from '../../../src/orchestrator/config/idle-properties.ts'
import { cliFlags, flagSettings } from '../../../src/orchestrator/config/cli-flags.ts'
import {
  configTable, rowOf, settingNamed, type Setting
} from '../../../src/orchestrator/config/config-table.ts'
import { renderConfigDocs } from '../../../src/orchestrator/config/render-config-docs.ts'

const settings = Object.keys(configTable) as Setting[]

test('each default is in its range and reads back as it is shown', () => {
  for (const setting of settings) {
    const row = rowOf(setting)
    assert.deepEqual(row.parse(row.show(row.default)), row.default, setting)
  }
})

// A flow that keeps names judges producers, whatever its settings (flow/flow-lanes.ts).
test('each setting of the Forwarder is fed by exactly one row', () => {
  // Those without a row of a flow: the flow knows them itself, or all flows of the process share
  // them (forwarder-settings.ts).
  const others = ['judgesProducers', 'inFlightBytesMax', 'inFlightBytesRaisedMax', 'processLanes']
  const fed = [...settings.flatMap(setting => rowOf(setting).forwarder ?? []), ...others]
  assert.deepEqual(fed.toSorted(), Object.keys(forwarderSettings).toSorted())
})

test('a row that feeds the Forwarder has its default', () => {
  for (const setting of settings) {
    const row = rowOf(setting)
    if (row.forwarder === undefined) continue
    assert.equal(row.toNumber(row.default), forwarderSettings[row.forwarder].default, setting)
  }
})

test('no name has two meanings', () => {
  for (const setting of settings) {
    for (const alias of rowOf(setting).alias ?? []) {
      assert.equal(Object.hasOwn(configTable, alias), false, alias)
      assert.equal(settingNamed(alias), setting)
    }
    assert.equal(Object.hasOwn(idleProperties, setting), false, setting)
  }
})

test('a flag has the name of its setting and the text of its row', () => {
  const lanes = cliFlags.find(({ setting }) => setting === 'lanes')
  assert.deepEqual(lanes, {
    setting: 'lanes', flags: '--lanes <count>', option: 'lanes',
    doc: `${configTable.lanes.doc} [lanes; 1 to 64; default 2]`
  })
  assert.deepEqual(
    flagSettings({ lanes: '4', lingerMs: '5ms', batchSize: undefined, output: 'json' }),
    { 'lanes': '4', 'linger.ms': '5ms' })
  assert.equal(new Set(cliFlags.map(({ option }) => option)).size, cliFlags.length)
})

test('CONFIGURATION.md is what the tables render', () => {
  const written = readFileSync(new URL('../../../../CONFIGURATION.md', import.meta.url), 'utf8')
  assert.equal(written, renderConfigDocs(), 'CONFIGURATION.md is stale: run `npm run generate`')
})
