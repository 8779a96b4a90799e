// The state machine of partition-phases.ts as a drawing and as tables, for the design pages.
import {
  partitionEvents, partitionMoves, partitionPhases, type PartitionEvent, type PartitionPhase
} from './partition-phases.ts'

const phases = Object.keys(partitionPhases) as PartitionPhase[]
const events = Object.keys(partitionEvents) as PartitionEvent[]
/** The drawing leaves out these arrows, which would hide the others. */
const common: readonly PartitionEvent[] = ['faults', 'revoked', 'leaderMoves']

export function renderPartitionPhases (): string {
  return [
    'An arrow is a move. Left out: from every phase `revoked` leads to stopping; from every active',
    'phase `faults` leads to faulted and, except from starting, `leaderMoves` to moving.',
    '',
    '```mermaid',
    'stateDiagram-v2',
    '    [*] --> starting',
    ...phases.flatMap(arrowsFrom),
    '    stopped --> [*]',
    '```',
    '',
    '| Phase | Meaning | Shown as | Fetches | Produces |',
    '|---|---|---|---|---|',
    ...phases.map(row),
    '',
    'An active phase is shown as waiting while a retriable error stands in its way.',
    '',
    '| Event | Caused by |',
    '|---|---|',
    ...events.map(event => `| ${event} | ${partitionEvents[event]} |`)
  ].join('\n')
}

/** One arrow for each pair of phases, with all events that lead from one to the other. */
function arrowsFrom (phase: PartitionPhase): readonly string[] {
  const drawn = events.filter(event => !common.includes(event))
  return phases.filter(to => to !== phase).flatMap(to => {
    const names = drawn.filter(event => partitionMoves[phase][event] === to)
    return names.length === 0 ? [] : [`    ${phase} --> ${to}: ${names.join(', ')}`]
  })
}

function row (phase: PartitionPhase): string {
  const { doc, fetches, isActive, produces, shows } = partitionPhases[phase]
  const shown = isActive ? `${shows}, waiting` : shows
  const yes = (is: boolean): string => is ? 'yes' : ''
  return `| ${phase} | ${doc} | ${shown} | ${yes(fetches)} | ${yes(produces)} |`
}
