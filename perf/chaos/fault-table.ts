// THE table of faults: what can happen to whom, how often, for how long. What carries them out is
// fault-runner.ts.

export interface FaultRow {
  /** Whom it hits: a mirror process, a broker, or the network in front of one broker. */
  readonly subject: 'process' | 'broker' | 'link'
  readonly text: string
  /** Against the other rows. */
  readonly weight: number
  /** How long it lasts before it is put right: from, to. */
  readonly lastsMs: readonly [number, number]
  /** Only where a cluster has other brokers that take over. */
  readonly needsReplicas?: true
}

export const faultTable = {
  'process-kill': {
    subject: 'process', text: 'kill -9, started again', weight: 6, lastsMs: [500, 15_000]
  },
  'process-restart': {
    subject: 'process', text: 'SIGTERM, started again', weight: 4, lastsMs: [0, 5_000]
  },
  'process-zombie': {
    subject: 'process',
    text: 'SIGSTOP for longer than the session timeout of 10 s, then SIGCONT',
    weight: 4,
    lastsMs: [12_000, 20_000]
  },
  'process-pause': {
    subject: 'process', text: 'SIGSTOP for less than that', weight: 2, lastsMs: [500, 6_000]
  },
  'broker-kill': {
    subject: 'broker', text: 'kill -9, started again', weight: 4, lastsMs: [500, 8_000]
  },
  'broker-restart': {
    subject: 'broker', text: 'SIGTERM: leaders move away, started again', weight: 2, lastsMs: [0, 0]
  },
  'broker-pause': {
    subject: 'broker', text: 'SIGSTOP, then SIGCONT', weight: 2, lastsMs: [1_000, 8_000]
  },
  'leader-move': {
    subject: 'broker',
    text: 'becomes the leader of a partition',
    weight: 2,
    lastsMs: [0, 0],
    needsReplicas: true
  },
  'link-cut': {
    subject: 'link', text: 'connections closed and refused', weight: 3, lastsMs: [500, 12_000]
  },
  'link-half-open': {
    subject: 'link', text: 'connections stay, no byte passes', weight: 3, lastsMs: [2_000, 15_000]
  },
  'link-reset': {
    subject: 'link', text: 'every connection ends with a RST', weight: 4, lastsMs: [0, 0]
  },
  'link-slow': {
    subject: 'link',
    text: '100 ms each way and 300 kB/s, all brokers of the cluster',
    weight: 2,
    lastsMs: [3_000, 15_000]
  }
} as const satisfies Record<string, FaultRow>

export type FaultName = keyof typeof faultTable

export const faultNames = Object.keys(faultTable) as readonly FaultName[]

export function faultRow (name: FaultName): FaultRow {
  return faultTable[name]
}
