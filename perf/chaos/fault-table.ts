// THE table of faults: what can happen to whom, how often, for how long, and for how many seconds
// which partitions may be stalled for it. What carries them out is fault-runner.ts.

/**
 * Partitions that a fault may stop: those that the hit broker leads, those that the hit process
 * mirrors, those that the fault is about (of the moved leader, of the recreated topic), or all.
 */
export type Scope = 'led' | 'owned' | 'meant' | 'all'

export interface Standstill {
  readonly scope: Scope
  /** From its beginning, from its end, or from its beginning to so many seconds after its end. */
  readonly span: 'begin' | 'end' | 'both'
  readonly seconds: number
}

export interface FaultRow {
  /**
   * Whom it hits: a mirror process, a broker, the network in front of one broker, the broker that
   * coordinates the flow's group, or a source topic.
   */
  readonly subject: 'process' | 'broker' | 'link' | 'coordinator' | 'topic'
  readonly text: string
  /** Against the other rows. */
  readonly weight: number
  /** How long it lasts before it is put right: from, to. */
  readonly lastsMs: readonly [number, number]
  readonly mayStandStill: readonly Standstill[]
  /** Only where a cluster has other brokers that can lead. */
  readonly needsReplicas?: true
  /** Only for Longhaul, which has a policy for it. */
  readonly needsPolicy?: true
}

// What the seconds below are sums of. Test brokers are fenced after three seconds without a
// heartbeat (server-properties.ts); with the default of nine, add six.
/** A broker is fenced, its leaders move, replicas that wait for it are let out of the ISR. */
const fencing = 4
/** The mirror learns of another leader and looks at the target before it sends. */
const rerouting = 6
/** The group removes a dead member (session.timeout.ms). */
const session = 10
/** The group shares out anew: members answer, slots are drained, handed over and read. */
const rebalance = 10
/** A silent connection is closed. */
const silence = 15
/** The mirror looks for new topics, twice (refresh.topics.interval.seconds of a run). */
const refresh = 10
/** A process starts, joins and is assigned its slots. */
const start = 10

/** What is not acknowledged while a follower is silent: acks=all waits for it. */
const silentFollower: Standstill = { scope: 'all', span: 'begin', seconds: fencing + 2 }
const ownedUntilTakeOver: Standstill =
  { scope: 'owned', span: 'begin', seconds: session + rebalance }
const ledUntilRerouted: Standstill = { scope: 'led', span: 'begin', seconds: fencing + rerouting }
/** Nothing refuses: the mirror has to suspect by itself, or to hear of the new leader. */
const ledByASilentBroker: Standstill = { scope: 'led', span: 'begin', seconds: silence + rerouting }
/** The group assigns it slots of other processes. */
const untilItHasItsPart: Standstill = { scope: 'all', span: 'end', seconds: start + rebalance }

export const faultTable = {
  'process-kill': {
    subject: 'process',
    text: 'kill -9, started again',
    weight: 6,
    lastsMs: [500, 15_000],
    mayStandStill: [ownedUntilTakeOver, untilItHasItsPart]
  },
  'process-restart': {
    subject: 'process',
    text: 'SIGTERM, started again',
    weight: 4,
    lastsMs: [0, 5_000],
    mayStandStill: [{ scope: 'owned', span: 'begin', seconds: rebalance }, untilItHasItsPart]
  },
  'process-zombie': {
    subject: 'process',
    text: 'SIGSTOP for longer than the session timeout of 10 s, then SIGCONT',
    weight: 4,
    lastsMs: [12_000, 20_000],
    mayStandStill: [ownedUntilTakeOver, { scope: 'all', span: 'end', seconds: rebalance }]
  },
  'process-pause': {
    subject: 'process',
    text: 'SIGSTOP for less than that',
    weight: 2,
    lastsMs: [500, 6_000],
    mayStandStill: [{ scope: 'owned', span: 'both', seconds: 3 }]
  },
  'broker-kill': {
    subject: 'broker',
    text: 'kill -9, started again',
    weight: 4,
    lastsMs: [500, 8_000],
    mayStandStill: [ledUntilRerouted, silentFollower]
  },
  'broker-restart': {
    subject: 'broker',
    text: 'SIGTERM: leaders move away, started again',
    weight: 2,
    lastsMs: [0, 0],
    mayStandStill: [ledUntilRerouted, silentFollower]
  },
  'broker-pause': {
    subject: 'broker',
    text: 'SIGSTOP, then SIGCONT',
    weight: 2,
    lastsMs: [1_000, 8_000],
    mayStandStill: [ledByASilentBroker, silentFollower]
  },
  'broker-hang': {
    subject: 'broker',
    text: 'SIGSTOP for 45 s, then SIGCONT: its leaders move, its connections stay',
    weight: 2,
    lastsMs: [45_000, 45_000],
    mayStandStill: [ledByASilentBroker, silentFollower],
    needsReplicas: true
  },
  'coordinator-hang': {
    subject: 'coordinator',
    text: 'the same, of the broker that coordinates the group of the flow',
    weight: 2,
    lastsMs: [45_000, 45_000],
    mayStandStill: [ledByASilentBroker, silentFollower],
    needsReplicas: true
  },
  'leader-move': {
    subject: 'broker',
    text: 'becomes the leader of a partition',
    weight: 2,
    lastsMs: [0, 0],
    mayStandStill: [{ scope: 'meant', span: 'both', seconds: rerouting }],
    needsReplicas: true
  },
  'link-cut': {
    subject: 'link',
    text: 'connections closed and refused',
    weight: 3,
    lastsMs: [500, 12_000],
    mayStandStill: [{ scope: 'led', span: 'both', seconds: rerouting + 5 }]
  },
  'link-half-open': {
    subject: 'link',
    text: 'connections stay, no byte passes',
    weight: 3,
    lastsMs: [2_000, 15_000],
    mayStandStill: [{ scope: 'led', span: 'both', seconds: silence }]
  },
  'link-forgotten': {
    subject: 'link',
    text: 'open connections stay, and no byte passes on them any more; new ones pass',
    weight: 3,
    lastsMs: [0, 0],
    mayStandStill: [ledByASilentBroker]
  },
  'link-reset': {
    subject: 'link',
    text: 'every connection ends with a RST',
    weight: 4,
    lastsMs: [0, 0],
    mayStandStill: [{ scope: 'led', span: 'begin', seconds: rerouting }]
  },
  'link-slow': {
    subject: 'link',
    text: '100 ms each way and 300 kB/s, all brokers of the cluster',
    weight: 2,
    lastsMs: [3_000, 15_000],
    mayStandStill: [{ scope: 'all', span: 'both', seconds: 0 }]
  },
  'topic-recreate': {
    subject: 'topic',
    text: 'deleted and recreated on the source',
    weight: 2,
    lastsMs: [0, 5_000],
    mayStandStill: [{ scope: 'meant', span: 'both', seconds: refresh + rebalance }],
    needsPolicy: true
  }
} as const satisfies Record<string, FaultRow>

/**
 * On top of a row, where it hits the coordinator of the group: members of a group of several stop
 * when their session ends, until they have joined again at another broker.
 */
export const coordinatorLost: Standstill =
  { scope: 'all', span: 'begin', seconds: session + fencing + rebalance }

export type FaultName = keyof typeof faultTable

export const faultNames = Object.keys(faultTable) as readonly FaultName[]

export function faultRow (name: FaultName): FaultRow {
  return faultTable[name]
}
