// Rows of the table of differences that the file alone shows: both columns are true, that of
// MirrorMaker 2 by its own classes.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type { FlowConfig } from '../../../src/orchestrator/config/config.ts'
import type { DifferenceName } from '../../../src/orchestrator/config/differences.ts'
import { judgeTopic } from '../../../src/orchestrator/policy/topic-filter.ts'
import { askMirrorMaker, type Answer, type PairView } from '../../kafka/mirror-maker-oracle.ts'
import { createConfig, problemsOf, twoClusters } from './create-config.ts'

const topics = [
  'orders', 'payments', 'ab', 'B.x', 'Bx', 'A.orders', 'longhaul-progress.X', 'heartbeats'
]

type Mirroring = Extract<PairView, { readonly settings: unknown }>

interface Row {
  readonly name: DifferenceName
  readonly lines: readonly string[]
  /** `undefined`: MirrorMaker 2 refuses the file. */
  readonly theirs: (pair: PairView) => unknown
  readonly ours: (flow: FlowConfig) => unknown
  /** What both sides answer: [MirrorMaker 2, Longhaul]. */
  readonly answers: readonly [unknown, unknown]
}

const mirroredBy = (pair: PairView): readonly string[] =>
  topics.filter(topic => mustMirror(pair).topics[topic]?.isMirrored)
const mirroredHere = (flow: FlowConfig): readonly string[] =>
  topics.filter(topic => judgeTopic(flow.topics, topic) === 'mirrored')
const theirLinger = (pair: PairView): unknown => mustMirror(pair).clients.producer['linger.ms']
const ourLinger = ({ settings }: FlowConfig): unknown => String(settings['linger.ms'])
const theirReset = (pair: PairView): unknown =>
  mustMirror(pair).clients.consumer['auto.offset.reset']
const ourReset = ({ starts }: FlowConfig): unknown => starts.of('orders')
const theirRefused = ({ refused, refusedConnectors }: PairView): unknown =>
  refused === undefined ? refusedConnectors : 'records'

function mustMirror (pair: PairView): Mirroring {
  assert.ok('settings' in pair, 'MirrorMaker 2 refuses the file')
  return pair
}

function inPlaces (
  name: DifferenceName, lines: readonly string[], rest: Pick<Row, 'theirs' | 'ours' | 'answers'>
): readonly Row[] {
  return lines.map(line => ({ name, lines: [line], ...rest }))
}

const rows: readonly Row[] = [
  ...inPlaces('settings at a cluster', ['B.replication.factor = 7'], {
    theirs: pair => mustMirror(pair).settings.replicationFactor,
    ours: ({ settings }) => settings['replication.factor'],
    answers: [2, 7]
  }),
  ...inPlaces('settings at a cluster', ['B.topics = payments'], {
    theirs: pair => mirroredBy(pair).includes('orders'),
    ours: flow => mirroredHere(flow).includes('orders'),
    answers: [true, false]
  }),
  ...inPlaces('client property without role',
    ['auto.offset.reset = latest', 'A.auto.offset.reset = latest',
      'A->B.auto.offset.reset = latest'],
    { theirs: theirReset, ours: ourReset, answers: ['earliest', 'latest'] }),
  ...inPlaces('client property without role',
    ['linger.ms = 7', 'B.linger.ms = 7', 'A->B.linger.ms = 7', 'producer.linger.ms = 7'],
    { theirs: theirLinger, ours: ourLinger, answers: [undefined, '7'] }),
  ...inPlaces('producer of a flow',
    ['A->B.producer.linger.ms = 7', 'A->B.target.producer.linger.ms = 7',
      'A->B.target.cluster.linger.ms = 7'],
    { theirs: theirLinger, ours: ourLinger, answers: [undefined, '7'] }),
  ...inPlaces('producer of a flow',
    ['A->B.producer.override.linger.ms = 7', 'B.producer.linger.ms = 7'],
    { theirs: theirLinger, ours: ourLinger, answers: ['7', '7'] }),
  {
    name: 'aborted transactions',
    lines: [],
    theirs: pair => mustMirror(pair).clients.consumer['isolation.level'],
    ours: ({ settings }) => settings['isolation.level'],
    answers: [undefined, 'read_committed']
  },
  {
    name: 'own topics',
    lines: [],
    theirs: pair => mirroredBy(pair).includes('longhaul-progress.X'),
    ours: flow => mirroredHere(flow).includes('longhaul-progress.X'),
    answers: [true, false]
  },
  {
    name: 'alias of the source',
    lines: [],
    theirs: pair => mustMirror(pair).topics['A.orders']?.remote,
    ours: flow => judgeTopic(flow.topics, 'A.orders'),
    answers: ['A.A.orders', 'cycle']
  },
  {
    name: 'empty separator',
    lines: ['replication.policy.separator ='],
    theirs: pair => mirroredBy(pair).includes('Bx'),
    ours: flow => mirroredHere(flow).includes('Bx'),
    answers: [false, true]
  },
  {
    name: 'misspelt',
    lines: ['tpoics = payments'],
    theirs: pair => mirroredBy(pair).includes('orders'),
    ours: flow => mirroredHere(flow).includes('orders'),
    answers: [true, true]
  },
  ...['emit.checkpoints.enabled = false', 'emit.offset-syncs.enabled = false'].map((line): Row => ({
    name: 'without offset syncs',
    lines: [line, 'sync.group.offsets.enabled = true'],
    theirs: theirRefused,
    ours: ({ settings }) => settings['sync.group.offsets.enabled'],
    answers: [['MirrorCheckpointConnector'], true]
  })),
  {
    name: 'without offset syncs',
    lines: ['emit.offset-syncs.enabled = false', 'offset-syncs.topic.replication.factor = 1'],
    theirs: theirRefused,
    ours: mirroredHere,
    answers: ['records', ['orders', 'payments', 'ab', 'Bx', 'heartbeats']]
  },
  {
    name: 'ACLs',
    lines: [],
    theirs: pair => mustMirror(pair).settings.syncTopicAclsMs,
    ours: ({ settings }) => settings['sync.topic.acls.delete.enabled'],
    answers: [600_000, false]
  },
  {
    name: 'policy of a sample',
    lines: [
      'replication.policy.class = com.amazonaws.kafka.samples.CustomMM2ReplicationPolicy'
    ],
    // MirrorMaker 2 mirrors heartbeats into the topic of the target's own ones.
    theirs: pair => {
      const { internalTopics: [own], topics: { heartbeats } } = mustMirror(pair)
      return [heartbeats?.isMirrored, heartbeats?.remote === own]
    },
    ours: ({ policy, topics: chosen }) =>
      [judgeTopic(chosen, 'heartbeats'), policy.remoteTopic('heartbeats')],
    answers: [[true, true], ['mirrored', 'A.heartbeats']]
  }
]

/** Rows of files that Longhaul refuses: what MirrorMaker 2 does without, and our texts. */
const refusals: ReadonlyArray<Omit<Row, 'ours' | 'answers'> & {
  readonly answer: unknown
  readonly text: RegExp
}> = [
  {
    name: 'wrong value',
    lines: ['refresh.groups.interval.seconds = often'],
    theirs: theirRefused,
    answer: ['MirrorCheckpointConnector'],
    text: /refresh\.groups\.interval\.seconds=often/
  },
  {
    name: 'wrong value',
    lines: ['refresh.topics.interval.seconds = often'],
    theirs: theirRefused,
    answer: 'records',
    text: /refresh\.topics\.interval\.seconds=often/
  },
  {
    name: 'regular expressions',
    lines: ['topics = a[b[c]]'],
    theirs: mirroredBy,
    answer: ['ab', 'heartbeats'],
    text: /a\[b\[c\]\].*not possible here/
  }
]

describe('a difference that a file shows', () => {
  let answers: readonly Answer[]
  before(async () => {
    answers = await askMirrorMaker([...rows, ...refusals].map(({ lines }) => ({
      file: [...twoClusters, 'emit.heartbeats.enabled = false', ...lines].join('\n'),
      topics,
      groups: [],
      configProperties: []
    })))
  })

  const pairOf = (index: number): PairView => {
    const answer = answers[index]
    assert.ok(answer?.refused === undefined)
    const pair = answer?.pairs.find(({ source }) => source === 'A')
    assert.ok(pair !== undefined)
    return pair
  }

  for (const [index, { answers: expected, lines, name, ours, theirs }] of rows.entries()) {
    test(`${name}: ${lines.join(', ') || 'by default'}`, () => {
      const [flow] = createConfig(lines).flows
      assert.ok(flow !== undefined)
      assert.deepEqual([theirs(pairOf(index)), ours(flow)], expected)
    })
  }

  for (const [index, { answer, lines, name, text, theirs }] of refusals.entries()) {
    test(`${name}: ${lines.join(', ')} is refused here`, () => {
      assert.deepEqual(theirs(pairOf(rows.length + index)), answer)
      assert.match(problemsOf([...twoClusters, ...lines]).join('\n'), text)
    })
  }
})
