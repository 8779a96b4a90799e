// Topics that came from the flow's own clusters, and names that stop growing whatever aliases two
// sites use for themselves and each other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FlowConfig } from '../../../src/orchestrator/config/config.ts'
import { parseConfig } from '../../../src/orchestrator/config/parse-config.ts'
import { judgeTopic } from '../../../src/orchestrator/policy/topic-filter.ts'
import { createCycleCheck } from '../../../src/orchestrator/policy/topic-cycle.ts'
import { parseConfigOf } from '../config/create-config.ts'

function isCycle (
  topic: string, sourceAlias: string, targetAlias: string, separator = '.',
  aliases: readonly string[] = [sourceAlias, targetAlias]
): boolean {
  const prefixes = aliases.map(alias => ({ alias, prefix: `${alias}${separator}` }))
  return createCycleCheck({ sourceAlias, targetAlias, separator, prefixes })(topic)
}

test('a topic came from the target over any number of hops', () => {
  assert.equal(isCycle('B.orders', 'A', 'B'), true)
  assert.equal(isCycle('C.B.orders', 'A', 'B'), true)
  assert.equal(isCycle('C.orders', 'A', 'B'), false)
  assert.equal(isCycle('orders', 'A', 'B'), false)
  assert.equal(isCycle('B.', 'A', 'B'), false)
})

// Regression: two sites with the alias `remote` for each other copied remote.remote.remote.orders,
// one more at each refresh.
test("a topic with the alias of the flow's own source came from there", () => {
  assert.equal(isCycle('remote.orders', 'remote', 'local'), true)
  assert.equal(isCycle('other.remote.orders', 'remote', 'local'), true)
})

// Regression: the search over hops cut `dc.two.orders` at its first dot, and found no cluster `dc`.
test('an alias that contains the separator is recognized completely', () => {
  assert.equal(isCycle('dc.two.orders', 'dc.one', 'dc.two'), true)
  assert.equal(isCycle('us-west-orders', 'us-east', 'us-west', '-'), true)
  assert.equal(isCycle('us_west_orders', 'us_east', 'us_west', '_'), true)
  assert.equal(isCycle('hub.dc.two.orders', 'dc.one', 'dc.two', '.', ['dc.one', 'dc.two']), true)
  assert.equal(isCycle('dc.three.orders', 'dc.one', 'dc.two'), false)
})

test('of two aliases of which one begins with the other, the longer one counts', () => {
  const aliases = ['eu', 'eu.west', 'hub']
  assert.equal(isCycle('eu.west.orders', 'hub', 'eu', '.', aliases), false)
  assert.equal(isCycle('eu.west.orders', 'hub', 'eu.west', '.', aliases), true)
  assert.equal(isCycle('eu.orders', 'hub', 'eu', '.', aliases), true)
})

test("if another site's separator hides the alias, it is recognized the second time", () => {
  assert.equal(isCycle('there_here.orders', 'here', 'x'), false)
  assert.equal(isCycle('there_here.there_here.orders', 'here', 'x'), true)
  assert.equal(isCycle('nowhere.nowhere.orders', 'here', 'x'), false)
})

// --- two sites, each with a file of its own, that mirror between the clusters X and Y ---

interface Site {
  readonly x: string
  readonly y: string
  readonly separator: string
  readonly flows: readonly string[]
}

/** Undefined if the file is refused. */
function flowsOf ({ x, y, separator, flows }: Site): readonly FlowConfig[] | undefined {
  const parsed = parseConfig([
    `clusters = ${x}, ${y}`, `${x}.bootstrap.servers = x:1`, `${y}.bootstrap.servers = y:1`,
    ...flows.map(flow => `${flow === 'x->y' ? `${x}->${y}` : `${y}->${x}`}.enabled = true`),
    `replication.policy.separator = ${separator}`
  ].join('\n'))
  return parsed.ok ? parsed.config.flows : undefined
}

interface Clusters { readonly X: Set<string>, readonly Y: Set<string> }

/** Refreshes every flow of every site in turn until no topic is new. */
function mirrorFor (refreshes: number, sites: readonly Site[], clusters: Clusters): Clusters {
  const flows = sites.flatMap(site => (flowsOf(site) ?? []).map(config => ({
    config,
    from: config.source.alias === site.x ? clusters.X : clusters.Y,
    to: config.source.alias === site.x ? clusters.Y : clusters.X
  })))
  for (let refresh = 0; refresh < refreshes; refresh++) {
    for (const { config: { policy, topics }, from, to } of flows) {
      for (const topic of [...from]) {
        if (judgeTopic(topics, topic) === 'mirrored') to.add(policy.remoteTopic(topic))
      }
    }
  }
  return clusters
}

const alias = fc.constantFrom('a', 'b', 'a.b', 'dc.one', 'dc.two', 'us-east', 'us_east', 'us',
  'remote', 'local')
const separator = fc.constantFrom('.', '-', '_', '__', '-.')
const site: fc.Arbitrary<Site> = fc.record({
  x: alias,
  y: alias,
  separator,
  flows: fc.constantFrom(['x->y'], ['y->x'], ['x->y', 'y->x'])
}).filter(({ x, y }) => x !== y)

test('no name grows without bound, whatever aliases two sites use', () => {
  fc.assert(fc.property(site, site, (one, other) => {
    const clusters = { X: new Set(['orders']), Y: new Set(['orders', 'payments']) }
    const settled = mirrorFor(12, [one, other], clusters)
    const count = settled.X.size + settled.Y.size
    assert.equal(mirrorFor(3, [one, other], settled).X.size + settled.Y.size, count)
    const prefixes = [one, other].flatMap(({ x, y, separator }) => [x + separator, y + separator])
    const longest = Math.max(...[...settled.X, ...settled.Y].map(name => name.length))
    assert.ok(longest <= 'payments'.length + 2 * prefixes.join('').length, `${longest}`)
  }))
})

test('with the same aliases, in either order, no topic is mirrored back to its cluster', () => {
  fc.assert(fc.property(site, fc.boolean(), site, (one, isSwapped, { flows }) => {
    fc.pre(flowsOf(one) !== undefined)
    const { x, y, separator } = one
    const other = { x: isSwapped ? y : x, y: isSwapped ? x : y, separator, flows }
    fc.pre(flowsOf(other) !== undefined)
    const { X, Y } = mirrorFor(12, [one, other], { X: new Set(['orders']), Y: new Set() })
    // Each flow out of X adds one copy to Y, and X has no copies.
    assert.ok(Y.size <= 2, [...Y].join())
    assert.deepEqual([...X], ['orders'])
  }))
})

test('swapped aliases, and two aliases of one cluster, create one copy of a topic', () => {
  const swapped = (x: string, y: string): Site => ({ x, y, separator: '.', flows: ['y->x'] })
  const clusters = mirrorFor(25, [swapped('local', 'remote'), {
    ...swapped('remote', 'local'), flows: ['x->y']
  }], { X: new Set(['orders']), Y: new Set(['orders']) })
  assert.deepEqual([[...clusters.X], [...clusters.Y]],
    [['orders', 'remote.orders'], ['orders', 'remote.orders']])
  const [flow] = parseConfigOf(['clusters = kafka, backup', 'kafka.bootstrap.servers = x:1',
    'backup.bootstrap.servers = x:1', 'kafka->backup.enabled = true']).flows
  assert.ok(flow)
  const one = new Set(['orders'])
  for (let refresh = 0; refresh < 25; refresh++) {
    for (const topic of [...one]) {
      if (judgeTopic(flow.topics, topic) === 'mirrored') one.add(flow.policy.remoteTopic(topic))
    }
  }
  assert.deepEqual([...one], ['orders', 'kafka.orders'])
})
