// The rules by which a remote topic follows the settings of its source topic.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type {
  ConfigChange, ConfigEntry, ConfigSource
} from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { configChanges } from '../../../src/orchestrator/topics/config-changes.ts'
import type { Settings } from '../../../src/orchestrator/topics/source-settings.ts'

const before = 'message.timestamp.before.max.ms'
const after = 'message.timestamp.after.max.ms'
const difference = 'message.timestamp.difference.max.ms'
const unbounded = '9223372036854775807'

function entries (
  values: Settings, source: ConfigSource = 'DYNAMIC_TOPIC_CONFIG'
): readonly ConfigEntry[] {
  return Object.entries(values).map(([name, value]) =>
    ({ name, value, source, readOnly: false, sensitive: false }))
}

function changes (
  settings: Settings, target: readonly ConfigEntry[], previous?: Settings
): readonly ConfigChange[] {
  return configChanges({ settings, bounds: [{}] }, target, previous)
}

const set = (name: string, value: string): ConfigChange => ({ operation: 'set', name, value })

describe('a setting', () => {
  test('that differs on the target is set there, one that is equal is not', () => {
    assert.deepEqual(changes({ a: '1', b: '2' }, entries({ a: '1', b: '3' })), [set('b', '2')])
  })

  // A default of the target may change; the source topic has the value as its own.
  test('that the target has only as a default is set on the topic', () => {
    assert.deepEqual(changes({ a: '1' }, entries({ a: '1' }, 'DEFAULT_CONFIG')), [set('a', '1')])
  })

  test('that only the target sets is not deleted', () => {
    assert.deepEqual(changes({ a: '1' }, entries({ 'a': '1', 'retention.ms': '5' })), [])
  })

  test('that was deleted on the source is deleted on the target', () => {
    assert.deepEqual(changes({}, entries({ a: '1' }), { a: '1' }),
      [{ operation: 'delete', name: 'a' }])
  })

  test('that was deleted on the source stays if the target has another value since', () => {
    assert.deepEqual(changes({}, entries({ a: '2' }), { a: '1' }), [])
    assert.deepEqual(changes({}, entries({ a: '1' }, 'DEFAULT_CONFIG'), { a: '1' }), [])
  })
})

describe('bounds on timestamps', () => {
  const bounds = (wanted: string) =>
    [{ [before]: unbounded, [after]: wanted }, { [difference]: unbounded }, {}] as const
  const changed = (wanted: string, target: Settings) =>
    configChanges({ settings: {}, bounds: bounds(wanted) }, entries(target, 'DEFAULT_CONFIG'))

  test('are widened if the target would refuse records of the source, never narrowed', () => {
    assert.deepEqual(changed('70', { [before]: unbounded, [after]: '60' }), [set(after, '70')])
    assert.deepEqual(changed('50', { [before]: unbounded, [after]: '60' }), [])
    assert.deepEqual(changed('50', { [before]: '1', [after]: '60' }), [set(before, unbounded)])
  })

  test('are set under the name that the brokers of the target know', () => {
    assert.deepEqual(changed('50', { [difference]: '60' }), [set(difference, unbounded)])
    assert.deepEqual(changed('50', {}), [], 'a target that shows none')
  })
})

test('for all settings, the target ends with the source\'s values and keeps its own', () => {
  const settings = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2'))
    .map(each => ({ ...each }))
  fc.assert(fc.property(settings, settings, settings, (source, target, previous) => {
    const asked = changes(source, entries(target), previous)
    const end: Record<string, string> = { ...target }
    for (const { name, value } of asked) {
      if (value === undefined) delete end[name]
      else end[name] = value
    }
    for (const [name, value] of Object.entries(source)) assert.equal(end[name], value)
    for (const [name, value] of Object.entries(target)) {
      const isDeleted = source[name] === undefined && previous[name] === value
      if (source[name] === undefined) assert.equal(end[name], isDeleted ? undefined : value)
    }
    assert.deepEqual(changes(source, entries(end), source), [], 'a second run changes nothing')
  }))
})
