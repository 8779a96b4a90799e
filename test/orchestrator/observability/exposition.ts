// Parses Prometheus text strictly and answers questions about it. Not a general parser: it refuses
// text that a Prometheus server would refuse.
import assert from 'node:assert/strict'

export interface Family {
  readonly name: string
  readonly help: string
  readonly type: string
}

export interface Exposition {
  readonly families: ReadonlyMap<string, Family>
  /** Value by series; the labels of a series are sorted: `name{a="1",b="2"}`. */
  readonly series: ReadonlyMap<string, number>
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)$/
const labelPair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)/y

export function parseExposition (text: string): Exposition {
  assert.ok(text.endsWith('\n'), 'the text ends with a line feed')
  const families = new Map<string, Family>()
  const helps = new Map<string, string>()
  const series = new Map<string, number>()
  let current: Family | undefined
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) ([^ ]+) (.*)$/.exec(line) ?? []
    if (keyword === 'HELP') {
      assert.ok(!helps.has(name), `one HELP for ${name}`)
      helps.set(name, rest)
    } else if (keyword === 'TYPE') {
      assert.ok(!families.has(name), `one TYPE for ${name}`)
      assert.ok(helps.has(name), `HELP before TYPE for ${name}`)
      current = { name, help: helps.get(name) ?? '', type: rest }
      families.set(name, current)
    } else {
      const [key, value, ofName] = parseSample(line)
      assert.ok(current !== undefined && familyNames(current).includes(ofName),
        `${ofName} stands under its own TYPE line`)
      assert.ok(!series.has(key), `series ${key} stands once`)
      series.set(key, value)
    }
  }
  for (const family of families.values()) {
    if (family.type === 'histogram') checkHistogram(family.name, series)
  }
  return { families, series }
}

/** The series of one name, without its name: `{a="1"}` -> value. */
export function seriesOf ({ series }: Exposition, name: string): Record<string, number> {
  return Object.fromEntries([...series]
    .filter(([key]) => key === name || key.startsWith(`${name}{`))
    .map(([key, value]) => [key.slice(name.length), value]))
}

function familyNames ({ name, type }: Family): string[] {
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]
}

function parseSample (line: string): [string, number, string] {
  const match = sampleLine.exec(line)
  assert.ok(match, `a sample line: ${line}`)
  const [, name = '', labelText = '', valueText = ''] = match
  const labels: string[] = []
  labelPair.lastIndex = 0
  while (labelPair.lastIndex < labelText.length) {
    const pair = labelPair.exec(labelText)
    assert.ok(pair, `labels: ${line}`)
    assert.ok(!labels.some((label) => label.startsWith(`${pair[1]}=`)), `one ${pair[1]}: ${line}`)
    labels.push(`${pair[1]}="${pair[2]}"`)
  }
  const value = Number(valueText.replace('+Inf', 'Infinity').replace('Nan', 'NaN'))
  assert.ok(valueText === 'Nan' || valueText === 'NaN' || !Number.isNaN(value), `a value: ${line}`)
  return [labels.length > 0 ? `${name}{${labels.sort().join(',')}}` : name, value, name]
}

/** Buckets rise with `le`, the last one is +Inf and equals the count. */
function checkHistogram (name: string, series: ReadonlyMap<string, number>): void {
  const groups = new Map<string, [number, number][]>()
  for (const [key, value] of series) {
    if (!key.startsWith(`${name}_bucket{`)) continue
    const le = /le="([^"]*)"/.exec(key)?.[1] ?? ''
    const group = key.replace(/,?le="[^"]*"/, '').replace('{,', '{').replace('{}', '')
    const bound = le === '+Inf' ? Infinity : Number(le)
    groups.set(group, [...groups.get(group) ?? [], [bound, value]])
  }
  for (const [group, buckets] of groups) {
    for (let index = 1; index < buckets.length; index++) {
      assert.ok(buckets[index]![0] > buckets[index - 1]![0], `le rises in ${group}`)
      assert.ok(buckets[index]![1] >= buckets[index - 1]![1], `counts rise in ${group}`)
    }
    const [bound, total] = buckets.at(-1)!
    assert.equal(bound, Infinity, `${group} ends with +Inf`)
    assert.equal(series.get(group.replace('_bucket', '_count')), total, `count of ${group}`)
    assert.ok(series.has(group.replace('_bucket', '_sum')), `sum of ${group}`)
  }
}
