// The partition state machine: every state with every event, and invariants over all orders of
// events.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  moveOf, newCondition, partitionEvents, partitionMoves, partitionStates, startingReport, step,
  type EventKind, type PartitionCondition, type PartitionEvent, type PartitionState
} from '../../../src/orchestrator/partitions/partition-state.ts'

const states = Object.keys(partitionStates) as PartitionState[]
const kinds = Object.keys(partitionEvents) as EventKind[]

/**
 * The table again, as text: `event:state` is a move, `event` alone changes no state; `+` assigns
 * the partition to its lane, `-` revokes it. All other pairs are illegal.
 */
const expected: Readonly<Record<PartitionState, string>> = {
  positioning: 'position:assigned+ refusal withdraw:removed pause unpause retry skip',
  assigned: 'report fault:deciding laneEnd laneStart:assigned+ recreation:recalled- ' +
    'move:moving- pause:pausing- withdraw:releasing- skip:recalled- unpause retry',
  retrying: 'report fault:deciding laneEnd laneStart:retrying+ sound:assigned ' +
    'recreation:recalled- pause:pausing- withdraw:releasing- skip:recalled- unpause retry',
  moving: 'report fault recreation release:assigned+ laneEnd:assigned+ laneStart:assigned+ ' +
    'pause:pausing withdraw:releasing unpause retry skip',
  recalled: 'report fault recreation release:deciding laneEnd:deciding laneStart:deciding ' +
    'withdraw:releasing pause unpause retry skip',
  deciding: 'keepFaulted:faulted stop:stopped resume:assigned+ laneEnd laneStart recreation ' +
    'withdraw:releasing- pause unpause retry skip',
  faulted: 'retry:retrying+ pause:paused recreation:deciding withdraw:releasing- laneEnd ' +
    'laneStart unpause skip:deciding',
  stopped: 'retry:retrying+ recreation:deciding withdraw:releasing- laneEnd laneStart pause ' +
    'unpause skip:deciding',
  pausing: 'report fault recreation release:paused laneEnd:paused laneStart:paused ' +
    'unpause:moving withdraw:releasing pause retry skip',
  paused: 'unpause:assigned+ recreation:deciding withdraw:releasing- laneEnd laneStart pause ' +
    'retry skip:deciding',
  releasing: 'report fault recreation release:removed laneEnd:removed laneStart:removed ' +
    'abandon:removed keepFaulted stop resume withdraw pause unpause retry skip',
  removed: 'report fault release laneEnd laneStart keepFaulted stop resume'
}

const progress = { upstream: 5n, downstream: 6n, sequence: 7 }
const error = new ReplicatorError('TARGET_NOT_EMPTY', 'orders-0')

function createEvent (kind: EventKind): PartitionEvent {
  switch (kind) {
    case 'report': return { kind, report: { ...startingReport, state: 'running' } }
    case 'fault': return { kind, report: { ...startingReport, state: 'faulted', code: 1 } }
    case 'position': return { kind, progress, lane: 0 }
    case 'refusal': return { kind, error, retryAtMs: 1 }
    case 'recreation':
    case 'keepFaulted':
    case 'stop': return { kind, error }
    case 'resume': return { kind, progress }
    case 'pause': return { kind, by: 'ann' }
    case 'move': return { kind, to: 1 }
    case 'skip': return { kind, order: { to: 9n, by: 'ann', why: '' } }
    default: return { kind }
  }
}

function describeMove (state: PartitionState, kind: EventKind): string | undefined {
  const move = partitionMoves[state][kind]
  if (move === undefined) return undefined
  const to = move.to === 'same' ? '' : `:${move.to}`
  return `${kind}${to}${{ none: '', assign: '+', revoke: '-' }[move.asks]}`
}

describe('the table of partition moves', () => {
  for (const state of states) {
    test(`has these moves from ${state}, and no others`, () => {
      const moves = kinds.flatMap(kind => describeMove(state, kind) ?? [])
      assert.deepEqual(moves.sort(), expected[state].split(' ').sort())
    })
  }

  test('refuses every other pair, naming both', () => {
    for (const state of states) {
      for (const kind of kinds.filter(kind => partitionMoves[state][kind] === undefined)) {
        assert.throws(() => moveOf(state, kind), (thrown: unknown) =>
          thrown instanceof ReplicatorError && thrown.errorName === 'INTERNAL' &&
          thrown.message.includes(kind) && thrown.message.includes(state))
      }
    }
  })
})

/** A lane from the machine's view: whether it has the partition, and whether it must drain it. */
interface ModelLane {
  readonly holds: 'nothing' | 'partition'
  readonly isDraining: boolean
}

interface Model {
  readonly condition: PartitionCondition
  readonly lane: ModelLane
}

const emptyLane: ModelLane = { holds: 'nothing', isDraining: false }

/** Events that the lane of this model can cause now. */
function canHappen ({ condition, lane }: Model, kind: EventKind): boolean {
  switch (kind) {
    case 'report':
    case 'fault': return lane.holds === 'partition' && !['deciding', 'faulted', 'stopped', 'paused']
      .includes(condition.state)
    case 'release': return lane.isDraining
    case 'laneEnd': return condition.lane >= 0
    default: return true
  }
}

function play ({ condition, lane }: Model, event: PartitionEvent, nowMs: number): Model {
  const { after, asks } = step(condition, event, nowMs)
  const left = event.kind === 'release' || event.kind === 'laneEnd' || event.kind === 'laneStart'
    ? emptyLane
    : lane
  if (asks === 'assign') {
    assert.equal(left.isDraining, false, `assigned before the lane had released it: ${event.kind}`)
    assert.notEqual(after.progress, undefined, 'assigned without a position')
    return { condition: after, lane: { holds: 'partition', isDraining: false } }
  }
  return { condition: after, lane: asks === 'revoke' ? { ...left, isDraining: true } : left }
}

describe('in any order of events, a partition', () => {
  const histories = fc.array(fc.constantFrom(...kinds), { maxLength: 60 })
  const eachStep = (check: (before: Model, event: PartitionEvent, after: Model) => void): void => {
    fc.assert(fc.property(histories, history => {
      let model: Model = { condition: newCondition(), lane: emptyLane }
      history.forEach((kind, nowMs) => {
        if (partitionMoves[model.condition.state][kind] === undefined) return
        if (!canHappen(model, kind)) return
        const event = createEvent(kind)
        const after = play(model, event, nowMs)
        check(model, event, after)
        model = after
      })
    }), { numRuns: 2_000 })
  }

  test('is never assigned while a lane still drains it, or without a position', () => {
    eachStep(() => {})
  })

  test('is not assigned while an operator has it paused', () => {
    eachStep((before, event, { condition }) => {
      const wasIn = before.condition.state
      if (before.condition.pause === undefined || event.kind === 'unpause') return
      if (condition.state === wasIn) return
      assert.ok(condition.state !== 'assigned' && condition.state !== 'retrying',
        `${event.kind} led from ${wasIn} to ${condition.state}`)
    })
  })

  test('that a policy has stopped restarts only by an operator or a recreated topic', () => {
    eachStep(({ condition: { state } }, { kind }, { condition }) => {
      if (state !== 'stopped' || condition.state === 'stopped') return
      assert.ok(['retry', 'recreation', 'skip', 'withdraw'].includes(kind), kind)
    })
  })

  test('keeps the time of its fault over retries, until it is sound', () => {
    eachStep(({ condition: { trouble } }, { kind }, { condition }) => {
      if (trouble === undefined || condition.trouble === undefined) return
      assert.equal(condition.trouble.sinceMs, trouble.sinceMs, kind)
    })
  })

  test('that is withdrawn leaves once its lane releases it or ends', () => {
    for (const state of states.filter(state => state !== 'removed')) {
      const withdrawn = step({ ...newCondition(), state, lane: 0, progress },
        { kind: 'withdraw' }, 0).after
      for (const kind of ['release', 'laneEnd', 'abandon'] as const) {
        const last = withdrawn.state === 'removed'
          ? withdrawn
          : step(withdrawn, { kind }, 0).after
        assert.equal(last.state, 'removed', `${state}, then ${kind}`)
      }
    }
  })
})
