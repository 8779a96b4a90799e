// Writes progress as builds of version 1 did: the history and the ends of the leader epochs are
// inside the position, and the producer's record does not name the source cluster.
import {
  toJson, type EncodedRecord
} from '../../../src/orchestrator/progress/progress-record.ts'
import type {
  ProducerIdentity, Progress, TopicPartition
} from '../../../src/orchestrator/progress/progress.ts'

const version = 1

export function encodeVersion1Producer (
  { producerEpoch, producerId }: ProducerIdentity
): EncodedRecord {
  return {
    key: toJson({ producer: true }),
    value: toJson({ version, producerId: String(producerId), producerEpoch })
  }
}

export function encodeVersion1 (
  { partition, topic }: TopicPartition, progress: Progress, producerId: bigint
): EncodedRecord {
  return {
    key: toJson({ topic, partition }),
    value: toJson({
      version,
      upstream: String(progress.upstream),
      downstream: String(progress.downstream),
      sequence: progress.sequence,
      producerId: String(producerId),
      leaderEpoch: progress.leaderEpoch,
      earlierEpochs: progress.earlierEpochs?.map(({ end, epoch }) => [epoch, String(end)]),
      sourceTopicId: progress.topicIds?.source,
      targetTopicId: progress.topicIds?.target,
      history: progress.history?.map(point =>
        [String(point.upstream), String(point.downstream), point.sequence])
    })
  }
}
