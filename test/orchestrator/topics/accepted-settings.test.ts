// The search for settings that a target accepts, with brokers and policies of all kinds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  searchAcceptedSettings, type AcceptedSettings
} from '../../../src/orchestrator/topics/accepted-settings.ts'
import type { Settings, WantedSettings } from '../../../src/orchestrator/topics/source-settings.ts'

type Rule = (settings: Settings) => ReplicatorError | undefined

const refusal = (text: string) => new ReplicatorError('POLICY_VIOLATION', text)

interface Searched {
  readonly end: AcceptedSettings | ReplicatorError
  readonly tries: number
}

function search (wanted: WantedSettings, rule: Rule): Searched {
  const first = rule({ ...wanted.settings, ...wanted.bounds[0] })
  assert.ok(first, 'a search begins with a refusal')
  const steps = searchAcceptedSettings(wanted, first)
  let step = steps.next()
  let tries = 0
  for (; step.done !== true; tries++) {
    assert.equal(step.value.validateOnly, true, 'a search creates nothing')
    step = steps.next(rule(step.value.configs))
  }
  return { end: step.value, tries }
}

function accepted ({ end }: Searched): AcceptedSettings {
  assert.ok(!(end instanceof ReplicatorError), 'the search found settings')
  return end
}

const refusing = (...names: readonly string[]): Rule => settings => {
  const found = Object.keys(settings).find(name => names.includes(name))
  return found === undefined ? undefined : refusal(`not ${found}`)
}

const names = fc.uniqueArray(fc.constantFrom(...'abcdefghijklmnop'), { maxLength: 16 })
const newer = { before: '1', after: '2' }
const wantedOf = (all: readonly string[]): WantedSettings => ({
  settings: Object.fromEntries(all.map(name => [name, `value of ${name}`])),
  bounds: [newer, { difference: '3' }, {}]
})

test('exactly the settings that the target refuses are left out, within 2 n + 5 tries', () => {
  fc.assert(fc.property(names, names, (all, bad) => {
    const refused = all.filter(name => bad.includes(name))
    fc.pre(refused.length > 0)
    const searched = search(wantedOf(all), refusing(...bad))
    const { configs, leftOut } = accepted(searched)
    assert.deepEqual(leftOut.map(({ name }) => name).sort(), refused.sort())
    assert.deepEqual(Object.keys(configs).sort(),
      [...all.filter(name => !bad.includes(name)), 'before', 'after'].sort())
    assert.ok(searched.tries <= 2 * all.length + 5)
  }))
})

test('a left-out setting is returned with its value and the text of the target', () => {
  const { leftOut } = accepted(search(wantedOf(['a', 'b', 'c']), refusing('b')))
  assert.deepEqual(leftOut.map(({ name, value, refusal }) => [name, value, refusal.detail]),
    [['b', 'value of b', 'not b']])
})

test('of settings that exclude each other one is left out', () => {
  fc.assert(fc.property(names, all => {
    fc.pre(all.length >= 2)
    const [one = '', other = ''] = all
    const rule: Rule = settings =>
      one in settings && other in settings ? refusal('both') : undefined
    const { configs, leftOut } = accepted(search(wantedOf(all), rule))
    assert.equal(leftOut.length, 1)
    assert.equal(rule(configs), undefined)
    assert.equal(Object.keys(configs).length, all.length + 2 - 1)
  }))
})

test('if the target has another name for the bounds on timestamps, nothing is left out', () => {
  const { configs, leftOut } = accepted(search(wantedOf(['a']), refusing('before', 'after')))
  assert.deepEqual(configs, { a: 'value of a', difference: '3' })
  assert.deepEqual(leftOut, [])
})

test('if the target does not know one of the bounds, that one is left out and named', () => {
  const rule = refusing('after', 'difference')
  const { configs, leftOut } = accepted(search(wantedOf(['a']), rule))
  assert.equal(rule(configs), undefined)
  assert.deepEqual(leftOut.map(({ name }) => name).sort(), ['after', 'before'])
})

test('a policy that requires one setting and refuses another leads to all but that other', () => {
  const rule: Rule = settings => !('a' in settings) ? refusal('a is asked for')
    : 'b' in settings ? refusal('not b') : undefined
  const { configs, leftOut } = accepted(search(wantedOf(['a', 'b', 'c']), rule))
  assert.equal(rule(configs), undefined)
  assert.deepEqual(leftOut.map(({ name }) => name), ['b'])
})

test('a topic that is refused with any settings is refused completely', () => {
  const { end } = search(wantedOf(['a', 'b']), () => refusal('replication factor'))
  assert.ok(end instanceof ReplicatorError)
  assert.equal(end.detail, 'replication factor')
})

test('a failure of another kind ends the search', () => {
  let tries = 0
  const { end } = search(wantedOf(['a', 'b', 'c', 'd']), () =>
    tries++ < 3 ? refusal('no') : new ReplicatorError('NOT_CONTROLLER', 'moved'))
  assert.ok(end instanceof ReplicatorError)
  assert.equal(end.errorName, 'NOT_CONTROLLER')
})
