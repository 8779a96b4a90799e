// Which flows that keep names form a ring: compared with records that follow the flows.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ringsOf } from '../../../src/orchestrator/config/ring-rule.ts'
import { parseConfigOf, problemsOf } from './create-config.ts'

interface Edge {
  readonly name: string
  readonly source: { readonly alias: string }
  readonly target: { readonly alias: string }
}

function edge (name: string): Edge {
  const [source = '', target = ''] = name.split('->')
  return { name, source: { alias: source }, target: { alias: target } }
}

const edgesOf = (names: string): readonly Edge[] => names.split(' ').map(edge)

const namesOf = (rings: ReadonlyArray<readonly Edge[]>): readonly string[] =>
  rings.map(ring => ring.map(({ name }) => name).join(' '))

/** Where a record of `from` arrives if each flow treats it by the rule of the lanes. */
function walk (from: string, edges: readonly Edge[]): ReadonlyMap<string, number> {
  const copies = new Map<string, number>()
  let moving: ReadonlyArray<{ readonly at: string, readonly by: Edge | undefined }> =
    [{ at: from, by: undefined }]
  for (let hops = 0; hops <= edges.length && moving.length > 0; hops++) {
    moving = moving.flatMap(({ at, by }) => edges
      .filter(({ source }) => source.alias === at)
      .filter(flow => by === undefined || (by.source.alias !== flow.target.alias &&
        !edges.some(({ source, target }) => source.alias === by.source.alias &&
          target.alias === flow.target.alias)))
      .map(flow => ({ at: flow.target.alias, by: flow })))
    for (const { at } of moving) copies.set(at, (copies.get(at) ?? 0) + 1)
  }
  return copies
}

describe('rings of flows under the same names', () => {
  for (const names of [
    'A->B', 'A->B B->A', 'A->B B->C', 'A->B B->A B->C C->B', 'A->B B->A A->C C->A',
    'A->B B->A A->C C->A B->C C->B', 'A->C B->C', 'A->B B->C A->C'
  ]) {
    test(`${names}: none`, () => {
      assert.deepEqual(namesOf(ringsOf(edgesOf(names))), [])
    })
  }

  test('over three and over four clusters', () => {
    assert.ok(namesOf(ringsOf(edgesOf('A->B B->C C->A'))).includes('A->B B->C C->A'))
    assert.ok(namesOf(ringsOf(edgesOf('A->B B->C C->D D->A'))).includes('A->B B->C C->D D->A'))
    assert.notDeepEqual(ringsOf(edgesOf('A->B B->A B->C C->B C->D D->C D->A A->D')), [])
  })

  // The direct flow ends the second round; after the first one a record is twice on its own
  // cluster.
  test('that a direct flow ends after the first round', () => {
    assert.notDeepEqual(ringsOf(edgesOf('A->B B->C C->A C->B')), [])
  })

  test('are found exactly if a record returns to its cluster', () => {
    const all = ['A', 'B', 'C', 'D'].flatMap(source => ['A', 'B', 'C', 'D']
      .filter(target => target !== source).map(target => `${source}->${target}`))
    fc.assert(fc.property(fc.subarray(all, { minLength: 1 }), names => {
      const edges = names.map(edge)
      const comesBack = ['A', 'B', 'C', 'D'].some(from => walk(from, edges).has(from))
      assert.equal(ringsOf(edges).length > 0, comesBack, names.join(' '))
    }), { numRuns: 1_000 })
  })
})

describe('a file', () => {
  const clusters = ['clusters = A, B, C', 'A.bootstrap.servers = a:1',
    'B.bootstrap.servers = b:1', 'C.bootstrap.servers = c:1',
    'replication.policy.class = IdentityReplicationPolicy', 'same.names.both.ways = true']
  const enabled = (names: string): readonly string[] =>
    names.split(' ').map(name => `${name}.enabled = true`)

  test('with a ring is refused by the names of its flows, once', () => {
    const problems = problemsOf([...clusters, ...enabled('A->B B->C C->A')])
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '',
      /^(A->B and B->C and C->A|B->C and C->A and A->B|C->A and A->B and B->C) form a ring/)
  })

  test('with a ring of only some topics is refused, and without one accepted', () => {
    const flows = enabled('A->B B->C C->A')
    assert.match(problemsOf([...clusters, ...flows, 'A->B.topics = orders',
      'B->C.topics = ord.*', 'C->A.topics = a|orders']).join(), /such as orders/)
    parseConfigOf([...clusters, ...flows, 'A->B.topics = a-.*', 'B->C.topics = b-.*',
      'C->A.topics = c-.*'])
  })

  test('with a full mesh is accepted, unless one flow mirrors less', () => {
    const mesh = [...clusters, ...enabled('A->B B->A A->C C->A B->C C->B'), 'topics = orders, a']
    parseConfigOf(mesh)
    assert.match(problemsOf([...mesh, 'A->C.topics = orders']).join(),
      /B->C leaves out what A sends to B, because A->C exists, but A->C does not mirror/)
  })
})
