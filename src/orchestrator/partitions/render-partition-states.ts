// Renders the partition state machine as a drawing and as tables, for the design pages.
import { partitionStates as laneStates } from '../../dataplane/contract/contract-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import {
  newCondition, partitionEvents, partitionMoves, partitionStates, startingReport,
  type EventKind, type Move, type PartitionState, type Trouble
} from './partition-state.ts'
import { shownOf } from './shown-state.ts'

const states = Object.keys(partitionStates) as PartitionState[]
const kinds = Object.keys(partitionEvents) as EventKind[]

export function renderPartitionStates (): string {
  return [
    'An arrow is a move; `+` assigns the partition to its lane, `-` revokes it. Events that change',
    'no state are left out.',
    '',
    ...drawing(),
    '',
    '| State | Meaning | Shown as |',
    '|---|---|---|',
    ...states.map(state => `| ${state} | ${partitionStates[state]} | ${shownAs(state)} |`),
    '',
    '| Event | Caused by |',
    '|---|---|',
    ...kinds.map(kind => `| ${kind} | ${partitionEvents[kind]} |`)
  ].join('\n')
}

function drawing (): readonly string[] {
  return [
    '```mermaid',
    'stateDiagram-v2',
    '    [*] --> positioning',
    ...states.flatMap(state => arrowsFrom(state)),
    '    removed --> [*]',
    '```'
  ]
}

/** One arrow for each pair of states, with all events that cause the move. */
function arrowsFrom (state: PartitionState): readonly string[] {
  const events = new Map<PartitionState, string[]>()
  for (const kind of kinds) {
    const move = partitionMoves[state][kind]
    if (move === undefined || move.to === 'same') continue
    events.set(move.to, [...events.get(move.to) ?? [], `${kind}${sign(move)}`])
  }
  return [...events].map(([to, names]) => `    ${state} --> ${to}: ${names.join(', ')}`)
}

function sign ({ asks }: Move): string {
  switch (asks) {
    case 'assign': return ' +'
    case 'revoke': return ' -'
    case 'none': return ''
  }
}

/** Every shown name of a partition in this state, over all states that its lane may report. */
function shownAs (state: PartitionState): string {
  const trouble = (error: ReplicatorError): Trouble =>
    ({ error, sinceMs: 0, attempts: 1, retriedAtMs: undefined, retryAtMs: undefined })
  const troubles = [
    undefined,
    trouble(new ReplicatorError('_TRANSPORT', '')),
    trouble(new ReplicatorError('TARGET_NOT_EMPTY', ''))
  ]
  const pauses = state === 'positioning' ? [undefined, { by: '', sinceMs: 0 }] : [undefined]
  const names = new Set(laneStates.flatMap(laneState => troubles.flatMap(trouble =>
    pauses.flatMap(pause => [false, true].map(isCaughtUp => shownOf({
      ...newCondition(), state, trouble, pause, report: { ...startingReport, state: laneState }
    }, isCaughtUp).state)))))
  return [...names].join(', ')
}
