// The shape of a row of the error table, and the advice to operators of more than one row.

/** How far an error reaches: what stops while the error persists. All else continues. */
export type ErrorScope = 'partition' | 'topic' | 'flow' | 'process'

export interface ErrorRow {
  /** > 0 Kafka protocol, < 0 librdkafka local (-1 is the protocol's unknown), >= 1000 Longhaul. */
  readonly code: number
  /** The same request may succeed later, unchanged and in the same order. */
  readonly retriable: boolean
  /** The leader may have moved: ask for metadata before the retry. */
  readonly refreshesMetadata: boolean
  readonly scope: ErrorScope
  /** What is wrong: the beginning of a sentence that ends with a detail. */
  readonly text: string
  /** What the operator should do. */
  readonly action: string
}

type Answer = 'final' | 'retry' | 'refresh'

export function row (
  code: number, answer: Answer, scope: ErrorScope, text: string, action: string
): ErrorRow {
  return {
    code,
    retriable: answer !== 'final',
    refreshesMetadata: answer === 'refresh',
    scope,
    text,
    action
  }
}

export const nothing = 'Nothing to do: Longhaul retries'
export const leader = 'Nothing to do: Longhaul looks up the leader and retries'
export const login =
  'Check the security.* and sasl.* properties of this cluster and its credentials'
export const topicAcl =
  'Grant the missing operation to the principal of this cluster: READ, DESCRIBE and ' +
  'DESCRIBE_CONFIGS on source topics; READ, WRITE, DESCRIBE and CREATE on remote topics and on ' +
  'longhaul-progress.*'
export const newTopic =
  'Check that the target cluster allows replication.factor and the topic settings'
/** The second way out, after a semicolon or `or`: the setting that skips. */
export const skipBatch = 'corrupt.batch=skip skips the batch and counts its records'
export const skipTooLarge = 'set record.too.large=skip to skip the record'
export const skipRefused = 'set record.refused=skip to skip the record'
export const upgrade = 'Upgrade the broker, or report this with the versions of both clusters'
export const report = 'Report this as a defect, with the log lines before and after it'
export const recreated =
  'Set topic.recreated=skip to mirror the recreated topic; with topic.recreated=stop, the ' +
  'default, the partition stays stopped'
export const resumes = 'Nothing to do: Longhaul reads the target to find where to continue'
