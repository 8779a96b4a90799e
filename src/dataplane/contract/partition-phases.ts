// THE state machine of a topic-partition inside a lane: its phases, what the lane does in each
// phase, the events that move it, and the legal moves. The C++ table in contract.generated.h and
// the drawing in docs/design are rendered from here; core/partition_moves carries out the
// moves.
import type { partitionStates } from './contract-table.ts'

interface Phase {
  readonly doc: string
  /** The state that the control plane sees, unless an obstacle makes it `waiting`. */
  readonly shows: typeof partitionStates[number]
  /** An obstacle (a retriable error) is shown, and the partition can fault. */
  readonly isActive: boolean
  /** Fetch requests name the partition. */
  readonly fetches: boolean
  /** Fetched batches are put into its queue. */
  readonly stores: boolean
  /** Its queued batches are sent. */
  readonly produces: boolean
  /** The list that it is in, for the part of the lane that checks it with every tick. */
  readonly list: 'none' | 'scans' | 'retries' | 'stops'
}

const idle = {
  isActive: false, fetches: false, stores: false, produces: false, list: 'none'
} as const
const scans = { ...idle, isActive: true, stores: true, list: 'scans' } as const

export const partitionPhases = {
  starting: {
    ...scans, shows: 'starting', stores: false, doc: 'needs a leader on both clusters'
  },
  scanning: {
    ...scans, shows: 'resuming', doc: 'reads the target from the recorded progress on'
  },
  asking: {
    ...scans, shows: 'resuming',
    doc: 'asks the target leader for the last sequence of the producer id'
  },
  skipping: {
    ...idle, isActive: true, fetches: true, stores: true, shows: 'resuming',
    doc: 'skips on the source the records that the scan found on the target'
  },
  running: {
    ...idle, isActive: true, fetches: true, stores: true, produces: true, shows: 'running',
    doc: 'fetches and produces'
  },
  ending: {
    ...idle, isActive: true, produces: true, shows: 'running',
    doc: 'the source cannot be read further; it faults when its queue is acknowledged'
  },
  settling: {
    ...idle, isActive: true, stores: true, shows: 'running',
    doc: 'a batch was refused; it waits for the answers to the other batches in flight'
  },
  retrying: {
    ...idle, isActive: true, fetches: true, stores: true, produces: true, shows: 'running',
    list: 'retries', doc: 'after a backoff it produces again from the front of its queue'
  },
  moving: {
    ...scans, shows: 'resuming', doc: 'its target leader has changed, or there is none'
  },
  faulted: { ...idle, shows: 'faulted', doc: 'is stalled until it is assigned again' },
  stopping: {
    ...idle, shows: 'stopping', list: 'stops',
    doc: 'revoked; it waits for the answers to its batches in flight'
  },
  stopped: { ...idle, shows: 'stopped', doc: 'released; its progress is final' }
} as const satisfies Readonly<Record<string, Phase>>

export type PartitionPhase = keyof typeof partitionPhases

/** Events, each with the part of the lane that causes it. */
export const partitionEvents = {
  scanBegins: 'target scan: the target has a leader, and no batch is in flight to that leader',
  leaderAsked: 'target scan: all batches of the producer id may be trimmed or hidden',
  leaderTold: 'target scan: the leader has answered, and the scan continues',
  nothingHeld: 'target scan: progress and queue are correct, and no batch waits for a retry',
  retryHeld: 'target scan: progress and queue are correct, and the first batch is sent again',
  recordsHeld: 'target scan: the target holds records that must be skipped on the source',
  seamPassed: 'intake: the records that the target holds are skipped, or cannot be',
  sourceEnds: 'fetcher, intake: a fault of the source after the queued batches',
  batchRefused: 'outbox: a batch in flight was not acknowledged',
  batchRetried: 'outbox: the batch may be sent again, or its broker cannot be reached',
  batchDoubted: 'outbox: the refused batch may be on the target all the same',
  batchDropped: 'outbox: the queue was dropped; its batches are fetched and encoded again',
  batchAcked: 'outbox: the first acknowledgement after a retry',
  leaderMoves: 'leaders: the target has another leader, another leader epoch, or none',
  faults: 'any part: the partition cannot continue',
  revoked: 'control plane',
  released: 'forwarder: no batch of the partition is in flight'
} as const
export type PartitionEvent = keyof typeof partitionEvents

type Moves = Partial<Readonly<Record<PartitionEvent, PartitionPhase>>>

const anywhere: Moves = { faults: 'faulted', revoked: 'stopping' }
const active: Moves = { ...anywhere, leaderMoves: 'moving' }
const scanResults: Moves = {
  nothingHeld: 'running', retryHeld: 'retrying', recordsHeld: 'skipping'
}
const produces: Moves = { batchRefused: 'settling', batchRetried: 'retrying' }

/** Every legal move. Any other move is an error in the program and ends the process. */
export const partitionMoves: Readonly<Record<PartitionPhase, Moves>> = {
  starting: { ...anywhere, scanBegins: 'scanning', leaderMoves: 'starting' },
  scanning: { ...active, ...scanResults, leaderAsked: 'asking' },
  asking: { ...active, ...scanResults, leaderTold: 'scanning' },
  skipping: { ...active, seamPassed: 'running' },
  running: { ...active, ...produces, sourceEnds: 'ending' },
  ending: { ...active, ...produces },
  settling: {
    ...active, batchRefused: 'settling', batchRetried: 'retrying', batchDoubted: 'scanning',
    batchDropped: 'running'
  },
  retrying: { ...active, ...produces, batchAcked: 'running' },
  moving: { ...active, batchRefused: 'moving', scanBegins: 'scanning' },
  faulted: { revoked: 'stopping', leaderMoves: 'faulted' },
  stopping: {
    revoked: 'stopping', leaderMoves: 'stopping', batchRefused: 'stopping', released: 'stopped'
  },
  stopped: {}
}
