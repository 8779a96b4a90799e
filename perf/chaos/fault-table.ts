// THE table of faults: kind and subject of each fault, how often and how long it occurs, and for
// how many seconds it may stall which partitions. fault-runner.ts carries them out.

/**
 * Partitions that a fault may stall: those that the affected broker leads, those that the affected
 * process mirrors, those that the fault names (of the moved leader, of the recreated topic), or
 * all.
 */
export type Scope = 'led' | 'owned' | 'meant' | 'all'

export interface AllowedStall {
  readonly scope: Scope
  /**
   * From the beginning of the fault, from its end, or from its beginning until this many seconds
   * after its end.
   */
  readonly span: 'begin' | 'end' | 'both'
  readonly seconds: number
}

export interface FaultRow {
  /**
   * A mirror process, a broker, the network in front of one broker, the broker that coordinates the
   * flow's group, or a source topic.
   */
  readonly subject: 'process' | 'broker' | 'link' | 'coordinator' | 'topic'
  readonly text: string
  /** Relative to the other rows. */
  readonly weight: number
  /** How long the fault lasts: minimum, maximum. */
  readonly lastsMs: readonly [number, number]
  readonly allowedStalls: readonly AllowedStall[]
  /** Only for clusters with other brokers that can lead. */
  readonly needsReplicas?: true
  /** Only for Longhaul, which has a policy for this fault. */
  readonly needsPolicy?: true
}

// The parts of the seconds below. Test brokers are fenced after three seconds without a heartbeat
// (server-properties.ts); with the default of nine seconds, add six.
/** A broker is fenced, its leaders move, and the leaders remove it from the ISR. */
const fencing = 4
/** The mirror finds the new leader and scans the target before it sends. */
const rerouting = 6
/** The group removes a dead member (session.timeout.ms). */
const session = 10
/** The group rebalances: members answer, slots are drained, handed over and restored. */
const rebalance = 10
/** The client closes a silent connection. */
const silence = 15
/** By then the mirror has replaced a silent connection that it uses. */
export const foundWithinSeconds = silence + rerouting
/** The mirror looks twice for new topics (refresh.topics.interval.seconds of a run). */
const refresh = 10
/** A process starts, joins the group and is assigned slots. */
const start = 10

/** Batches without an acknowledgement while a follower is silent: acks=all waits for it. */
const silentFollower: AllowedStall = { scope: 'all', span: 'begin', seconds: fencing + 2 }
const ownedUntilTakeOver: AllowedStall =
  { scope: 'owned', span: 'begin', seconds: session + rebalance }
const ledUntilRerouted: AllowedStall = { scope: 'led', span: 'begin', seconds: fencing + rerouting }
/** No broker returns an error: the mirror must detect the silence, or find the new leader. */
const ledByASilentBroker: AllowedStall =
  { scope: 'led', span: 'begin', seconds: foundWithinSeconds }
/** The group assigns the process slots of other processes. */
const untilItHasItsPart: AllowedStall = { scope: 'all', span: 'end', seconds: start + rebalance }

export const faultTable = {
  'process-kill': {
    subject: 'process',
    text: 'kill -9, restarted',
    weight: 6,
    lastsMs: [500, 15_000],
    allowedStalls: [ownedUntilTakeOver, untilItHasItsPart]
  },
  'process-restart': {
    subject: 'process',
    text: 'SIGTERM, restarted',
    weight: 4,
    lastsMs: [0, 5_000],
    allowedStalls: [{ scope: 'owned', span: 'begin', seconds: rebalance }, untilItHasItsPart]
  },
  'process-zombie': {
    subject: 'process',
    text: 'SIGSTOP for longer than the session timeout of 10 s, then SIGCONT',
    weight: 4,
    lastsMs: [12_000, 20_000],
    allowedStalls: [ownedUntilTakeOver, { scope: 'all', span: 'end', seconds: rebalance }]
  },
  'process-pause': {
    subject: 'process',
    text: 'SIGSTOP for less than the session timeout',
    weight: 2,
    lastsMs: [500, 6_000],
    allowedStalls: [{ scope: 'owned', span: 'both', seconds: 3 }]
  },
  'broker-kill': {
    subject: 'broker',
    text: 'kill -9, restarted',
    weight: 4,
    lastsMs: [500, 8_000],
    allowedStalls: [ledUntilRerouted, silentFollower]
  },
  'broker-restart': {
    subject: 'broker',
    text: 'SIGTERM: leaders move to other brokers, restarted',
    weight: 2,
    lastsMs: [0, 0],
    allowedStalls: [ledUntilRerouted, silentFollower]
  },
  'broker-pause': {
    subject: 'broker',
    text: 'SIGSTOP, then SIGCONT',
    weight: 2,
    lastsMs: [1_000, 8_000],
    allowedStalls: [ledByASilentBroker, silentFollower]
  },
  'broker-hang': {
    subject: 'broker',
    text: 'SIGSTOP for 45 s, then SIGCONT: its leaders move, its connections stay',
    weight: 2,
    lastsMs: [45_000, 45_000],
    allowedStalls: [ledByASilentBroker, silentFollower],
    needsReplicas: true
  },
  'coordinator-hang': {
    subject: 'coordinator',
    text: 'SIGSTOP for 45 s of the broker that coordinates the group',
    weight: 2,
    lastsMs: [45_000, 45_000],
    allowedStalls: [ledByASilentBroker, silentFollower],
    needsReplicas: true
  },
  'leader-move': {
    subject: 'broker',
    text: 'becomes the leader of a partition',
    weight: 2,
    lastsMs: [0, 0],
    allowedStalls: [{ scope: 'meant', span: 'both', seconds: rerouting }],
    needsReplicas: true
  },
  'link-cut': {
    subject: 'link',
    text: 'connections are closed and refused',
    weight: 3,
    lastsMs: [500, 12_000],
    allowedStalls: [{ scope: 'led', span: 'both', seconds: rerouting + 5 }]
  },
  'link-half-open': {
    subject: 'link',
    text: 'connections stay open, and no byte passes',
    weight: 3,
    lastsMs: [2_000, 15_000],
    allowedStalls: [{ scope: 'led', span: 'both', seconds: silence }]
  },
  'link-forgotten': {
    subject: 'link',
    text: 'open connections stay open without passing a byte; new ones work',
    weight: 3,
    lastsMs: [0, 0],
    allowedStalls: [ledByASilentBroker]
  },
  'link-reset': {
    subject: 'link',
    text: 'every connection ends with a RST',
    weight: 4,
    lastsMs: [0, 0],
    allowedStalls: [{ scope: 'led', span: 'begin', seconds: rerouting }]
  },
  'link-slow': {
    subject: 'link',
    text: '100 ms each way and 300 kB/s, all brokers of the cluster',
    weight: 2,
    lastsMs: [3_000, 15_000],
    allowedStalls: [{ scope: 'all', span: 'both', seconds: 0 }]
  },
  'topic-recreate': {
    subject: 'topic',
    text: 'deleted and recreated on the source',
    weight: 2,
    lastsMs: [0, 5_000],
    allowedStalls: [{ scope: 'meant', span: 'both', seconds: refresh + rebalance }],
    needsPolicy: true
  }
} as const satisfies Record<string, FaultRow>

/**
 * Added to a row if the fault affects the coordinator of the group: members stop when their session
 * ends, until they have joined again at another broker.
 */
export const coordinatorLost: AllowedStall =
  { scope: 'all', span: 'begin', seconds: session + fencing + rebalance }

export type FaultName = keyof typeof faultTable

export const faultNames = Object.keys(faultTable) as readonly FaultName[]

export function faultRow (name: FaultName): FaultRow {
  return faultTable[name]
}
