// The answers of the API, as far as the page reads them. api/answer-schemas.ts describes them.

export interface Attribution { readonly by: string, readonly atMs: number, readonly reason: string }

export interface Pause extends Attribution {
  readonly topic: string | null
  readonly partition: number | null
}

export interface Skip extends Attribution {
  readonly topic: string
  readonly partition: number
  readonly to: string
}

export interface LogLevel extends Attribution { readonly level: string }

export interface Throttle extends Attribution {
  /** 0: no limit. */
  readonly bytesPerSecond: number
}

export interface Share extends Attribution { readonly topic: string, readonly percent: number }

export interface Orders {
  readonly pauses: readonly Pause[]
  readonly skips: readonly Skip[]
  readonly logLevel: LogLevel | null
  readonly throttle: Throttle | null
  readonly shares: readonly Share[]
}

export interface Health { readonly answeredMs: number, readonly error: string | null }

export interface Figures {
  readonly recordsPerSecond: number | null
  readonly bytesPerSecond: number | null
  readonly lagRecords: number | null
  readonly lagSecondsMax: number | null
}

/** A process whose part is missing in the answers of all processes. */
export interface SilentProcess {
  readonly process: string
  readonly address: string
  readonly reason: string
}

export interface Flow extends Figures {
  readonly flow: string
  readonly silent: readonly SilentProcess[]
  readonly source: string
  readonly target: string
  readonly state: string
  readonly reason: string | null
  readonly isReady: boolean
  readonly notReady: ReadonlyArray<{ readonly text: string }>
  readonly clusters: { readonly source: Health, readonly target: Health } | null
  readonly slots: { readonly owned: number, readonly total: number } | null
  readonly partitionsByState: Readonly<Record<string, number>>
  readonly topicProblems: ReadonlyArray<{ readonly topic: string, readonly reason: string }>
  readonly records: number
  readonly batches: number
  readonly batchesPassedThrough: number
  readonly recordsSkipped: number
  readonly recentLatencyP50Ms: number | null
  readonly recentLatencyP99Ms: number | null
  readonly throttle: { readonly bytesPerSecond: number, readonly isWaiting: boolean } | null
  readonly orders: Orders | null
}

export interface States {
  readonly flow: string
  readonly names: readonly string[]
  readonly topics: ReadonlyArray<{
    readonly topic: string
    readonly partitions: readonly number[]
    /** Indexes into `names`, one for each partition. */
    readonly states: readonly number[]
  }>
}

export interface Partition {
  readonly process: string | null
  readonly topic: string
  readonly remoteTopic: string
  readonly partition: number
  readonly state: string
  readonly error: string | null
  readonly reason: string | null
  readonly sinceMs: number | null
  readonly pause: Pause | null
  readonly upstreamOffset: string
  /** What the process proposes to a skip; null: it knows no offset. */
  readonly skipTo: string | null
  readonly highWatermark: string | null
  readonly lagRecords: number | null
  readonly lagSeconds: number | null
  readonly recordsPerSecond: number | null
  readonly latencyMeanMs: number | null
  readonly lane: number | null
}

export interface PartitionPage {
  readonly matching: number
  readonly partitions: readonly Partition[]
}

export interface Topic extends Figures {
  readonly topic: string
  readonly remoteTopic: string
  readonly partitions: number
  readonly partitionsByState: Readonly<Record<string, number>>
  readonly batching: string | null
  readonly batches: number
  readonly reencodedByReason: { readonly merged?: number }
}

export interface TopicPage { readonly topics: readonly Topic[], readonly next: string | null }

export interface Member {
  readonly name: string
  readonly isThisProcess: boolean
  readonly version: string
  readonly address: string
  readonly startedMs: number
  readonly slots: readonly number[] | null
}

export interface Duty {
  readonly process: string
  readonly name: string
  readonly slot: number
  readonly lastSuccessMs: number | null
  readonly error: string | null
}

export interface Groups {
  readonly asOfMs: number | null
  readonly reader: string | null
  readonly groups: ReadonlyArray<{
    readonly group: string
    readonly offsets: ReadonlyArray<{
      readonly remoteTopic: string
      readonly partition: number
      readonly sourceOffset: string
      readonly targetOffset: string
    }>
  }>
}

export interface Move {
  readonly flow: string
  readonly topic: string
  readonly partition: number
  readonly atMs: number
  readonly before: string
  readonly state: string
  readonly reason: string
}

/** What the page shows of the selected flow besides the flow itself. */
export interface FlowDetails {
  readonly topics: readonly Topic[]
  readonly hasMoreTopics: boolean
  readonly members: readonly Member[]
  readonly duties: readonly Duty[]
  readonly groups: Groups
}
