// The schemas of the API's answers.
import { batchings } from '../../dataplane/contract/contract-table.ts'
import { notReadyReasons } from '../observability/readiness.ts'
import { flowStates, partitionStates } from '../observability/snapshot.ts'
import {
  byName, choice, count, described, list, nullable, number, object, offset, text, timeMs, truth
} from './json-schema.ts'

export const errorAnswer = object({
  error: object({
    name: described(text, 'a name of the error table, or of HTTP'),
    text
  })
})

const batchCounters = {
  records: described(count, 'acknowledged by the target, since this process mirrors'),
  batches: count,
  bytes: count,
  batchesPassedThrough: count,
  retries: described(count, 'times that unacknowledged batches were sent again'),
  recordsResumed: count,
  recordsDoubled: count,
  recordsLooped: described(count, 'left out: an inbound flow mirrored them from the target'),
  reencodedByReason: described(byName(count), 'batches; only reasons that occurred'),
  droppedByReason: described(byName(count), 'batches; only reasons that occurred')
}

const batching = described(nullable(choice(batchings)),
  'how batches are sent; reencodedByReason.merged of batches were merged from several; null: the ' +
  'flow does not run now')

const rates = {
  recordsPerSecond: described(nullable(number), 'of the last five to ten seconds; null: unknown'),
  bytesPerSecond: nullable(number)
}

const lag = {
  lagRecords: described(nullable(count), 'null: the source has not reported its end'),
  lagOpenTransactionRecords: described(count, 'of lagRecords: behind an open transaction'),
  lagRecordsMax: described(nullable(count), 'of one partition'),
  lagSecondsMax: described(nullable(number), 'of one partition')
}

const cluster = object({
  answeredMs: timeMs,
  error: described(nullable(text), 'why the cluster does not answer')
})

const scope = {
  topic: nullable(text),
  partition: nullable(count)
}

const attribution = { by: text, atMs: timeMs, reason: text }

export const pauseAnswer = object({ ...scope, ...attribution })

const orders = object({
  pauses: list(pauseAnswer),
  skips: described(list(object({ topic: text, partition: count, to: offset, ...attribution })),
    'skips that no process has carried out yet'),
  logLevel: nullable(object({ level: text, ...attribution })),
  throttle: described(nullable(object({ bytesPerSecond: count, ...attribution })),
    'the bandwidth by order of an operator; 0 bytesPerSecond: no limit'),
  shares: described(list(object({ topic: text, percent: count, ...attribution })),
    'the shares of topics in the bandwidth by order of an operator')
})

/** Of each answer that may be that of all processes. */
const joined = {
  process: described(nullable(text), 'the member that answers; null: the flow does not run now'),
  silent: described(list(object({ process: text, address: text, reason: text })),
    'processes whose part is missing in an answer of all processes, and why')
}

export const flowAnswer = object({
  flow: described(text, 'source->target'),
  ...joined,
  source: text,
  target: text,
  state: choice(flowStates),
  reason: nullable(text),
  isReady: truth,
  notReady: list(object({ reason: choice(notReadyReasons), text })),
  clusters: nullable(object({ source: cluster, target: cluster })),
  slots: nullable(object({
    owned: count,
    total: count,
    waiting: count,
    sinceMs: timeMs,
    reason: nullable(text),
    isUnownedByAnybody: nullable(truth)
  })),
  partitionsByState: byName(count),
  lanesByState: byName(count),
  topics: described(count, 'of all processes: those of the process with the most'),
  topicProblems: list(object({ topic: text, reason: text })),
  ...batchCounters,
  ...rates,
  ...lag,
  latencyP50Ms: described(nullable(number), 'of all records since the start of the process'),
  latencyP99Ms: nullable(number),
  recentLatencyP50Ms: described(nullable(number), 'of the records of the last five to ten ' +
    'seconds; null: there were none'),
  recentLatencyP99Ms: nullable(number),
  recordsSkipped: count,
  errors: byName(count),
  retriedErrors: byName(count),
  inFlightBytes: count,
  throttle: described(nullable(object({ bytesPerSecond: count, isWaiting: truth })),
    'the limit of all processes together, 0: none; whether lanes of this process wait for it'),
  progressAgeSeconds: number,
  isExactlyOnce: nullable(truth),
  differingMembers: nullable(count),
  orders: described(nullable(orders), 'null: the flow does not run now')
})

export const flowsAnswer = object({ flows: list(flowAnswer) })

const topicAnswer = object({
  topic: text,
  remoteTopic: text,
  partitions: count,
  partitionsByState: byName(count),
  batching,
  ...batchCounters,
  ...rates,
  ...lag,
  newestRecordMs: nullable(timeMs)
})

export const topicsAnswer = object({
  flow: text,
  ...joined,
  topics: list(topicAnswer),
  next: described(nullable(text), 'the value of `after` for the next page')
})

export const statesAnswer = object({
  flow: text,
  ...joined,
  names: list(choice(partitionStates)),
  topics: list(object({
    topic: text,
    partitions: list(count),
    states: described(list(count), 'of each of the partitions: an index into names')
  }))
})

const partitionAnswer = object({
  process: described(nullable(text), 'the member that mirrors the partition'),
  topic: text,
  remoteTopic: text,
  partition: count,
  slot: count,
  lane: nullable(count),
  state: choice(partitionStates),
  error: described(nullable(text), 'the name of the error behind the state'),
  reason: nullable(text),
  sinceMs: described(nullable(timeMs), 'since when the partition is paused or faulted'),
  pause: nullable(pauseAnswer),
  batching,
  records: count,
  batches: count,
  bytes: count,
  batchesPassedThrough: count,
  retries: count,
  recordsLooped: count,
  reencodedByReason: byName(count),
  droppedByReason: byName(count),
  ...rates,
  upstreamOffset: described(offset, 'the next source offset that the target lacks'),
  skipTo: described(nullable(offset), 'where a skip of a faulted partition continues that leaves ' +
    'out only what the partition stopped at; null: not known'),
  highWatermark: described(nullable(offset), 'of the source'),
  lagRecords: nullable(count),
  lagOpenTransactionRecords: count,
  lagSeconds: nullable(number),
  latencyMeanMs: described(nullable(number), 'the mean over all acknowledged records, ' +
    'from the timestamp of a record to its ack')
})

export const partitionsAnswer = object({
  flow: text,
  ...joined,
  matching: described(count, 'on all pages'),
  partitions: list(partitionAnswer),
  next: nullable(text)
})

export const membersAnswer = object({
  flow: text,
  slots: described(count, 'the partitions of the progress topic'),
  members: list(object({
    name: text,
    isThisProcess: truth,
    version: text,
    address: text,
    startedMs: timeMs,
    slots: described(nullable(list(count)), 'null: its version does not announce them')
  }))
})

export const dutiesAnswer = object({
  flow: text,
  ...joined,
  duties: list(object({
    process: text,
    name: text,
    slot: count,
    lastSuccessMs: nullable(timeMs),
    durationMs: nullable(number),
    error: nullable(text)
  }))
})

export const groupsAnswer = object({
  flow: text,
  ...joined,
  asOfMs: described(nullable(timeMs), 'null: another process reads the groups, or no duty does'),
  reader: described(nullable(text), 'the member that owns slot 0 and so reads the groups'),
  groups: list(object({
    group: text,
    offsets: list(object({
      remoteTopic: text,
      partition: count,
      sourceOffset: described(offset, 'committed on the source'),
      targetOffset: described(offset, 'where the group continues on the target')
    }))
  })),
  next: nullable(text)
})

export const caughtUpAnswer = object({
  flow: text,
  isCaughtUp: truth,
  asOfMs: described(timeMs, 'when the end offsets of the source were requested'),
  waitedMs: count,
  partitions: count,
  behindPartitions: count,
  behind: described(list(object({
    topic: text, partition: count, end: offset, upstreamOffset: nullable(offset)
  })), 'the first hundred')
})

export const ordersAnswer = object({
  isDryRun: truth,
  orders: list(object({
    flow: text,
    kind: text,
    ...scope,
    to: nullable(offset),
    level: nullable(text),
    bytesPerSecond: described(nullable(count), 'of a throttle; null: that of the file'),
    percent: described(nullable(count), 'of a share; null: that of the file'),
    ...attribution,
    warning: nullable(text)
  })),
  changes: described(list(text), 'of a reload: what the file of the asked process changes')
})
