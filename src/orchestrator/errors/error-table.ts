// THE error table: one row an error, whoever raised it. Code that meets an error asks this table
// (retriable? how far does it reach? what does the operator do?) and never matches texts. The data
// plane gets `retriable` and `refreshesMetadata` by code through a header rendered from here, so
// this file imports nothing.

/** How far an error reaches: what stops while it lasts. Everything outside goes on. */
export type ErrorScope = 'partition' | 'topic' | 'flow' | 'process'

export interface ErrorRow {
  /** > 0 Kafka protocol, < 0 librdkafka local (-1 is the protocol's unknown), >= 1000 Longhaul. */
  readonly code: number
  /** The same request may succeed later, unchanged and in the same order. */
  readonly retriable: boolean
  /** The leader may have moved: ask for metadata before the retry. */
  readonly refreshesMetadata: boolean
  readonly scope: ErrorScope
  /** What is wrong, as the head of a sentence that a detail ends. */
  readonly text: string
  /** What the operator does. */
  readonly action: string
}

type Answer = 'final' | 'retry' | 'refresh'

function row (
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

const nothing = 'Nothing to do: Longhaul retries by itself'
const leader = 'Nothing to do: Longhaul asks for the new leader and retries'
const login = 'Check the security.* and sasl.* properties of this cluster and its credentials'
const topicAcl = 'Grant READ and DESCRIBE on the source topic, or WRITE, DESCRIBE and CREATE on ' +
  'the target topic, to the principal of this cluster'
const newTopic = 'Check replication.factor and the topic settings against the target cluster'
const upgrade = 'Upgrade the broker, or report this with the versions of both clusters'
const report = 'Report this as a defect, with the log around it'
const resumes = 'Restart the partition: Longhaul reads the target to find where to go on'

const kafkaErrors = {
  UNKNOWN_SERVER_ERROR: row(-1, 'final', 'partition',
    'the broker failed and did not say why', "Look in the broker's log"),
  OFFSET_OUT_OF_RANGE: row(1, 'final', 'partition',
    'the source no longer holds the wanted offset: records were lost before they were mirrored',
    'Decide with data.loss; raise retention on the source, or mirror faster'),
  // Not retriable: the same bytes would be refused again. Only a new Fetch can bring other bytes.
  CORRUPT_MESSAGE: row(2, 'final', 'partition',
    'a record batch does not match its checksum',
    'Check the disks of the source leader; decide with corrupt.batch'),
  // Retriable because a new topic is not known everywhere at once; the caller bounds the wait.
  UNKNOWN_TOPIC_OR_PARTITION: row(3, 'refresh', 'topic',
    'the topic or partition does not exist', 'Create it, or exclude it with topics.exclude'),
  INVALID_FETCH_SIZE: row(4, 'final', 'partition', 'the broker refuses the fetch size', report),
  LEADER_NOT_AVAILABLE: row(5, 'refresh', 'partition',
    'the partition has no leader', 'If it lasts, look for brokers that are down'),
  NOT_LEADER_OR_FOLLOWER: row(6, 'refresh', 'partition',
    'the leader of the partition has moved', leader),
  REQUEST_TIMED_OUT: row(7, 'retry', 'partition',
    'the broker did not finish the request in time',
    'If it lasts, look for slow followers of the partition'),
  BROKER_NOT_AVAILABLE: row(8, 'refresh', 'partition', 'the broker is not available', leader),
  REPLICA_NOT_AVAILABLE: row(9, 'refresh', 'partition', 'the replica is not available', leader),
  MESSAGE_TOO_LARGE: row(10, 'final', 'partition',
    'a record batch is larger than the target topic takes',
    'Raise max.message.bytes of the target topic; decide with record.too.large'),
  OFFSET_METADATA_TOO_LARGE: row(12, 'final', 'topic',
    "the metadata of a committed offset is larger than the target's offset.metadata.max.bytes",
    'Raise offset.metadata.max.bytes on the target'),
  NETWORK_EXCEPTION: row(13, 'refresh', 'partition',
    'the connection was lost before the answer came', nothing),
  COORDINATOR_LOAD_IN_PROGRESS: row(14, 'retry', 'flow', 'the coordinator is loading', nothing),
  COORDINATOR_NOT_AVAILABLE: row(15, 'retry', 'flow', 'the coordinator is not available', nothing),
  NOT_COORDINATOR: row(16, 'retry', 'flow', 'the coordinator has moved', nothing),
  INVALID_TOPIC_EXCEPTION: row(17, 'final', 'topic',
    'the topic name is not allowed', 'Choose another replication.policy.separator or exclude it'),
  RECORD_LIST_TOO_LARGE: row(18, 'final', 'partition',
    'a record batch is larger than a segment of the target topic',
    'Raise segment.bytes of the target topic; decide with record.too.large'),
  NOT_ENOUGH_REPLICAS: row(19, 'retry', 'partition',
    'fewer replicas are in sync than min.insync.replicas asks for',
    'If it lasts, bring back the followers of the target partition'),
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: row(20, 'retry', 'partition',
    'the batch was written, but to fewer replicas than min.insync.replicas asks for',
    'If it lasts, bring back the followers of the target partition'),
  INVALID_REQUIRED_ACKS: row(21, 'final', 'flow', 'the broker refuses acks=all', report),
  ILLEGAL_GENERATION: row(22, 'retry', 'flow', 'the consumer group has moved on', nothing),
  UNKNOWN_MEMBER_ID: row(25, 'retry', 'flow', 'the consumer group has members of its own',
    'Stop the consumers of the group on the target before its offsets are synced'),
  REBALANCE_IN_PROGRESS: row(27, 'retry', 'flow', 'the consumer group rebalances', nothing),
  TOPIC_AUTHORIZATION_FAILED: row(29, 'final', 'topic', 'no permission on the topic', topicAcl),
  GROUP_AUTHORIZATION_FAILED: row(30, 'final', 'flow', 'no permission on the consumer group',
    'Grant READ on the group to the principal of this cluster'),
  CLUSTER_AUTHORIZATION_FAILED: row(31, 'final', 'flow', 'no permission on the cluster',
    'Grant IDEMPOTENT_WRITE, DESCRIBE and CREATE on the cluster to the principal'),
  INVALID_TIMESTAMP: row(32, 'final', 'partition',
    'a record is older or newer than the target topic takes',
    'Raise message.timestamp.before.max.ms and .after.max.ms of the target topic'),
  UNSUPPORTED_SASL_MECHANISM: row(33, 'final', 'flow',
    'the broker does not offer this SASL mechanism', login),
  ILLEGAL_SASL_STATE: row(34, 'final', 'flow', 'the broker did not expect this login step', login),
  UNSUPPORTED_VERSION: row(35, 'final', 'flow',
    'the broker does not know this version of the request', upgrade),
  TOPIC_ALREADY_EXISTS: row(36, 'final', 'topic', 'the topic exists already',
    'Nothing to do: Longhaul uses the topic as it is'),
  INVALID_PARTITIONS: row(37, 'final', 'topic', 'the partition count is not allowed', newTopic),
  INVALID_REPLICATION_FACTOR: row(38, 'final', 'topic',
    'the replication factor is larger than the number of brokers',
    'Lower replication.factor, or add brokers to the target'),
  INVALID_REPLICA_ASSIGNMENT: row(39, 'final', 'topic',
    'the replica assignment is not allowed', newTopic),
  INVALID_CONFIG: row(40, 'final', 'topic', 'the target refuses a topic setting', newTopic),
  NOT_CONTROLLER: row(41, 'refresh', 'flow', 'the controller has moved', nothing),
  INVALID_REQUEST: row(42, 'final', 'flow', 'the broker refuses the request', report),
  UNSUPPORTED_FOR_MESSAGE_FORMAT: row(43, 'final', 'partition',
    'the message format of the topic is too old', 'Raise message.format.version of the topic'),
  POLICY_VIOLATION: row(44, 'final', 'topic',
    'a policy of the target cluster refuses this', newTopic),
  // Expected behind a batch that is being retried; on its own it means that the target has lost
  // or never had what we count on. Only a resume can tell, so a blind retry is wrong.
  OUT_OF_ORDER_SEQUENCE_NUMBER: row(45, 'final', 'partition',
    'the target expects another sequence number', resumes),
  // The batch is on the target already, only its offset is unknown: an ack, not a failure.
  DUPLICATE_SEQUENCE_NUMBER: row(46, 'final', 'partition',
    'the target holds this batch already', 'Nothing to do: the batch counts as acked'),
  INVALID_PRODUCER_EPOCH: row(47, 'final', 'flow',
    'another process has taken over this producer id',
    'Stop the other process, or let this one go'),
  CONCURRENT_TRANSACTIONS: row(51, 'retry', 'flow', 'a transaction is still ending', nothing),
  SECURITY_DISABLED: row(54, 'final', 'flow',
    'the cluster has no authorizer', 'Set sync.topic.acls.enabled=false'),
  KAFKA_STORAGE_ERROR: row(56, 'refresh', 'partition',
    'a disk of the leader has failed', "Look in the broker's log; the leader should move"),
  SASL_AUTHENTICATION_FAILED: row(58, 'final', 'flow', 'the broker refused the login', login),
  UNKNOWN_PRODUCER_ID: row(59, 'final', 'partition',
    'the target has forgotten the producer id of this flow', resumes),
  REASSIGNMENT_IN_PROGRESS: row(60, 'retry', 'topic',
    'the partitions of the topic are being reassigned', nothing),
  NON_EMPTY_GROUP: row(68, 'final', 'flow', 'the consumer group has members',
    'Stop the consumers of the group on the target first'),
  GROUP_ID_NOT_FOUND: row(69, 'final', 'flow', 'the consumer group does not exist',
    'Check the name of the group'),
  FETCH_SESSION_ID_NOT_FOUND: row(70, 'retry', 'flow', 'the fetch session is gone', nothing),
  INVALID_FETCH_SESSION_EPOCH: row(71, 'retry', 'flow',
    'the fetch session is out of step', nothing),
  LISTENER_NOT_FOUND: row(72, 'refresh', 'partition',
    'the leader has no listener of this name', 'Give each broker the same listeners'),
  TOPIC_DELETION_DISABLED: row(73, 'final', 'topic', 'the cluster does not delete topics',
    'Set delete.topic.enable=true on the brokers'),
  FENCED_LEADER_EPOCH: row(74, 'refresh', 'partition',
    'the partition has a newer leader than we know', leader),
  UNKNOWN_LEADER_EPOCH: row(75, 'refresh', 'partition',
    'the broker has not heard yet of the newest leader', leader),
  UNSUPPORTED_COMPRESSION_TYPE: row(76, 'final', 'partition',
    'the target does not take this compression',
    'Upgrade the target to 2.1 or later for zstd; until then exclude the topic'),
  STALE_BROKER_EPOCH: row(77, 'refresh', 'partition', 'the broker has been restarted', nothing),
  OFFSET_NOT_AVAILABLE: row(78, 'retry', 'partition',
    'the new leader does not know its high watermark yet', nothing),
  PREFERRED_LEADER_NOT_AVAILABLE: row(80, 'refresh', 'partition',
    'the preferred leader is not available', leader),
  GROUP_MAX_SIZE_REACHED: row(81, 'final', 'flow', 'the consumer group is full',
    'Raise group.max.size on the target, or run fewer processes'),
  FENCED_INSTANCE_ID: row(82, 'final', 'process',
    'another member joined with the same group instance id', 'Stop one of the two processes'),
  ELIGIBLE_LEADERS_NOT_AVAILABLE: row(83, 'refresh', 'partition',
    'no replica may become leader', leader),
  INVALID_RECORD: row(87, 'final', 'partition',
    'the target refuses a record of the batch',
    'A compacted target topic takes no record without a key: compare cleanup.policy of both'),
  UNSTABLE_OFFSET_COMMIT: row(88, 'retry', 'flow', 'an offset commit is still open', nothing),
  THROTTLING_QUOTA_EXCEEDED: row(89, 'retry', 'flow',
    'the quota of this principal is used up', 'Raise the quota, or accept the pace'),
  PRODUCER_FENCED: row(90, 'final', 'flow',
    'another process has taken over this producer id', 'Stop the other process'),
  PRINCIPAL_DESERIALIZATION_FAILURE: row(97, 'final', 'flow',
    'the broker could not forward the request', upgrade),
  UNKNOWN_TOPIC_ID: row(100, 'refresh', 'topic', 'the topic id is not known', leader),
  INCONSISTENT_TOPIC_ID: row(103, 'refresh', 'topic',
    'the topic was deleted and made again', 'Decide with topic.recreated'),
  FETCH_SESSION_TOPIC_ID_ERROR: row(106, 'retry', 'flow',
    'the fetch session mixes topic names and ids', nothing),
  OFFSET_MOVED_TO_TIERED_STORAGE: row(109, 'retry', 'partition',
    'the wanted offset is in tiered storage', nothing),
  REBOOTSTRAP_REQUIRED: row(129, 'refresh', 'flow',
    'the cluster asks its clients to begin again at bootstrap.servers', nothing)
} as const satisfies Record<string, ErrorRow>

// librdkafka's own codes, under its names (RD_KAFKA_RESP_ERR_ left out).
const librdkafkaErrors = {
  _BAD_MSG: row(-199, 'final', 'partition', 'an answer of the broker cannot be read', upgrade),
  _BAD_COMPRESSION: row(-198, 'final', 'partition',
    'a compressed batch cannot be read', 'Decide with corrupt.batch'),
  _DESTROY: row(-197, 'final', 'process', 'the client is closing', 'Nothing to do'),
  _FAIL: row(-196, 'final', 'flow', 'the client failed', report),
  _TRANSPORT: row(-195, 'refresh', 'partition',
    'the connection to the broker failed', 'If it lasts, check host, port and firewall'),
  _CRIT_SYS_RESOURCE: row(-194, 'final', 'process',
    'the system refused a thread, a descriptor or memory', 'Raise LimitNOFILE or the memory limit'),
  _RESOLVE: row(-193, 'refresh', 'flow',
    'the host name of a broker cannot be resolved',
    "Check bootstrap.servers and the brokers' advertised.listeners"),
  _MSG_TIMED_OUT: row(-192, 'final', 'flow',
    'a record of our own was not taken in time', 'Check the brokers of the target'),
  _UNKNOWN_PARTITION: row(-190, 'refresh', 'partition',
    'the partition does not exist', 'Create it, or exclude the topic with topics.exclude'),
  _FS: row(-189, 'final', 'process', 'a file cannot be read', 'Check its path and permissions'),
  _UNKNOWN_TOPIC: row(-188, 'refresh', 'topic',
    'the topic does not exist', 'Create it, or exclude it with topics.exclude'),
  _ALL_BROKERS_DOWN: row(-187, 'refresh', 'flow',
    'no broker of the cluster answers', 'Check bootstrap.servers, the brokers and the network'),
  _INVALID_ARG: row(-186, 'final', 'process', 'the client refuses a setting', report),
  _TIMED_OUT: row(-185, 'refresh', 'partition',
    'the broker did not answer in time', 'If it lasts, raise request.timeout.ms'),
  _QUEUE_FULL: row(-184, 'retry', 'flow', 'a queue of the client is full', nothing),
  _ISR_INSUFF: row(-183, 'retry', 'partition', 'too few replicas are in sync', nothing),
  _SSL: row(-181, 'final', 'flow', 'the TLS connection failed',
    'Check security.protocol, the trust store and the host names in the certificates'),
  _WAIT_COORD: row(-180, 'retry', 'flow', 'the coordinator is not known yet', nothing),
  _UNKNOWN_GROUP: row(-179, 'final', 'flow', 'the consumer group is not known', report),
  _IN_PROGRESS: row(-178, 'retry', 'flow', 'the operation is under way', nothing),
  _CONFLICT: row(-173, 'final', 'flow', 'the operation conflicts with an earlier one', report),
  _STATE: row(-172, 'final', 'flow', 'the client is not in the state for this', report),
  _UNKNOWN_PROTOCOL: row(-171, 'final', 'flow', 'the broker speaks no Kafka protocol',
    'Check the port in bootstrap.servers'),
  _NOT_IMPLEMENTED: row(-170, 'final', 'flow', 'the client cannot do this', upgrade),
  _AUTHENTICATION: row(-169, 'final', 'flow', 'the login was refused', login),
  _NO_OFFSET: row(-168, 'final', 'partition', 'no offset is stored', report),
  _OUTDATED: row(-167, 'retry', 'flow', 'the answer came too late to count', nothing),
  _TIMED_OUT_QUEUE: row(-166, 'refresh', 'partition',
    'the request waited too long to be sent', 'If it lasts, check the link to the broker'),
  _UNSUPPORTED_FEATURE: row(-165, 'final', 'flow', 'the broker lacks a feature', upgrade),
  _WAIT_CACHE: row(-164, 'retry', 'flow', 'metadata are on their way', nothing),
  _INTR: row(-163, 'retry', 'flow', 'the operation was interrupted', nothing),
  _PARTIAL: row(-158, 'retry', 'flow', 'only a part was done', nothing),
  _NOENT: row(-156, 'final', 'flow', 'the entry does not exist', report),
  _UNDERFLOW: row(-155, 'final', 'partition', 'an answer of the broker ends too early', upgrade),
  _RETRY: row(-153, 'retry', 'flow', 'the client asks to try again', nothing),
  _PURGE_QUEUE: row(-152, 'final', 'process', 'the request was dropped on close', 'Nothing to do'),
  _PURGE_INFLIGHT: row(-151, 'final', 'process',
    'the request was dropped on close, its outcome is not known', 'Nothing to do'),
  _FATAL: row(-150, 'final', 'flow', 'the client cannot go on', report),
  _MAX_POLL_EXCEEDED: row(-147, 'retry', 'process',
    'the process was busy for longer than the group allows', 'Look for a starved processor'),
  _UNKNOWN_BROKER: row(-146, 'refresh', 'partition', 'the broker is not known', leader),
  _NOT_CONFIGURED: row(-145, 'final', 'flow', 'a setting is missing', report),
  _FENCED: row(-144, 'final', 'flow', 'another process has taken over', 'Stop one of the two'),
  _ASSIGNMENT_LOST: row(-142, 'retry', 'flow', 'the group gave our slots to another', nothing),
  _AUTO_OFFSET_RESET: row(-140, 'final', 'partition',
    'there is no offset to begin at', 'Decide with auto.offset.reset'),
  _LOG_TRUNCATION: row(-139, 'final', 'partition',
    'the source lost records after an unclean election', 'Decide with data.loss'),
  _DESTROY_BROKER: row(-137, 'refresh', 'partition', 'the broker left the cluster', leader)
} as const satisfies Record<string, ErrorRow>

// Longhaul's own, data plane: the codes of nativeErrors in the contract table.
const dataPlaneErrors = {
  BATCH_MALFORMED: row(1000, 'final', 'partition',
    'a record batch is not laid out as Kafka lays it out', 'Decide with corrupt.batch'),
  BATCH_CRC_MISMATCH: row(1001, 'final', 'partition',
    'a record batch does not match its checksum',
    'Check the disks of the source leader; decide with corrupt.batch'),
  BATCH_DECODED_TOO_LARGE: row(1002, 'final', 'partition',
    'a record batch decodes to more than decoded.bytes.max',
    'Raise decoded.bytes.max if the batch is honest'),
  CODEC_UNSUPPORTED: row(1003, 'final', 'partition',
    'a batch that must be re-encoded uses an unknown compression', upgrade),
  CODEC_FAILED: row(1004, 'final', 'partition',
    'a compressed batch cannot be decoded', 'Decide with corrupt.batch'),
  RECORD_TOO_LARGE: row(1005, 'final', 'partition',
    'a single record is larger than the target topic takes',
    'Raise max.message.bytes of the target topic; decide with record.too.large'),
  TARGET_PARTITION_MISSING: row(1006, 'refresh', 'partition',
    'the partition does not exist on the target', 'Add partitions to the target topic'),
  SOURCE_PARTITION_MISSING: row(1007, 'refresh', 'partition',
    'the partition does not exist on the source', 'Nothing to do if the topic was deleted'),
  RESPONSE_MALFORMED: row(1008, 'retry', 'partition',
    'an answer of the broker cannot be read', 'If it lasts, check that the port speaks Kafka'),
  BROKER_UNSUPPORTED: row(1009, 'final', 'flow',
    'the broker is older than Longhaul can mirror', 'Use brokers of 0.11 or later'),
  CLOSED: row(1010, 'final', 'process', 'it is closed already', report),
  INVALID_ARGUMENT: row(1011, 'final', 'process', 'an argument is not allowed', report),
  TIMED_OUT: row(1012, 'retry', 'flow', 'it took too long', 'If it lasts, check the clusters'),
  TARGET_OUT_OF_RANGE: row(1013, 'final', 'partition',
    'the target no longer holds the offset that progress speaks of',
    'Nothing to do: Longhaul finds out whether it was trimmed, truncated or made again'),
  SOURCE_TRUNCATED: row(1014, 'final', 'partition',
    'the source has lost records that were mirrored already',
    'Look for an unclean leader election on the source; decide with data.loss'),
  TARGET_OVERWRITTEN: row(1015, 'final', 'partition',
    'the target holds records of others where it had acked ours',
    'Look for an unclean leader election on the target'),
  RECORD_REFUSED: row(1016, 'final', 'partition',
    'the target broker refuses one record of a batch',
    'Decide with record.refused, or change the setting of the target topic that refuses it')
} as const satisfies Record<string, ErrorRow>

// Longhaul's own, orchestrator.
const orchestratorErrors = {
  CONFIG_INVALID: row(2000, 'final', 'process',
    'a setting has a value that is not allowed', 'Correct the setting and start again'),
  CONFIG_UNKNOWN_PROPERTY: row(2001, 'final', 'process',
    'a property is not known', 'Correct the name, or take the line out'),
  CONFIG_CONFLICT: row(2002, 'final', 'process',
    'two settings contradict each other', 'Keep one of the two'),
  CONFIG_UNREADABLE: row(2003, 'final', 'process',
    'a configuration file cannot be read', 'Check its path and permissions'),
  CLUSTER_UNREACHABLE: row(2010, 'retry', 'flow',
    'a cluster cannot be reached', 'Check its bootstrap.servers, the brokers and the network'),
  CLUSTER_LOGIN_REFUSED: row(2011, 'final', 'flow', 'a cluster refused the login', login),
  CLUSTER_UNAUTHORIZED: row(2012, 'final', 'flow',
    'a permission is missing on a cluster', topicAcl),
  CLUSTER_CHANGED: row(2013, 'final', 'flow',
    'the cluster behind bootstrap.servers is another one than before',
    'Correct bootstrap.servers, or choose a new alias'),
  SAME_CLUSTER: row(2014, 'final', 'flow',
    'source and target are the same cluster and the topics would have the same names',
    'Correct bootstrap.servers, or use DefaultReplicationPolicy'),
  DUPLICATE_TARGET_TOPIC: row(2020, 'final', 'topic',
    'two flows would write one target topic',
    'Exclude the topic from one of them, or use DefaultReplicationPolicy'),
  TARGET_FEWER_PARTITIONS: row(2021, 'final', 'topic',
    'the target topic has fewer partitions than the source topic',
    'Add partitions to the target topic'),
  TOPIC_CREATE_FAILED: row(2022, 'retry', 'topic', 'a target topic could not be made', newTopic),
  TOPIC_CONFIG_SYNC_FAILED: row(2023, 'retry', 'topic',
    'the settings of a target topic could not be set', newTopic),
  TOPIC_RECREATED: row(2024, 'final', 'topic',
    'a topic was deleted and made again', 'Decide with topic.recreated'),
  TARGET_NOT_EMPTY: row(2027, 'final', 'partition',
    'the target partition holds records, and no progress says that they are of this flow',
    'Decide with target.not.empty: to begin may double what is there'),
  TARGET_TRUNCATED: row(2026, 'final', 'partition',
    'the target has lost records that it had acked',
    'Look for an unclean leader election on the target; decide with data.loss'),
  PROGRESS_UNREADABLE: row(2030, 'final', 'flow',
    'the progress topic cannot be read', 'Check the topic and READ permission on it'),
  PROGRESS_UNWRITABLE: row(2031, 'retry', 'flow',
    'progress cannot be written; a restart would begin further back',
    'Check the progress topic and WRITE permission on it'),
  PROGRESS_SLOTS_CHANGED: row(2032, 'final', 'flow',
    'the progress topic has another number of partitions than task.slots',
    'Set task.slots to the number of partitions of the progress topic'),
  PROGRESS_DELETED: row(2033, 'retry', 'flow',
    'the progress topic was deleted under a running flow; it was made and written again',
    'Find out who deletes it: while no process runs, nobody could write it again'),
  PRODUCER_ID_REPLACED: row(2034, 'final', 'flow',
    'the progress topic was lost, and another process has begun with another producer id',
    'Stop all processes of the flow, then start them; decide with target.not.empty'),
  LANE_LOST: row(2040, 'retry', 'flow', 'a lane ended unexpectedly',
    'Nothing to do: the lane is started again; report it if it happens twice'),
  LANE_OVERLOADED: row(2041, 'retry', 'flow',
    'a lane does not answer', 'Give the process more processors, or fewer lanes'),
  DRAIN_TIMED_OUT: row(2042, 'final', 'process',
    'not everything in flight was acked in time; the rest is sent again after the restart',
    'Raise drain.timeout.ms if this matters'),
  LISTEN_FAILED: row(2050, 'final', 'process',
    'the metrics port cannot be opened', 'Choose another metrics.port, 0 for any free one'),
  INTERNAL: row(2099, 'final', 'process', 'an assumption of Longhaul does not hold', report)
} as const satisfies Record<string, ErrorRow>

export const errorTable = {
  ...kafkaErrors, ...librdkafkaErrors, ...dataPlaneErrors, ...orchestratorErrors
} as const

export type ErrorName = keyof typeof errorTable
export interface NamedErrorRow extends ErrorRow { readonly name: string }

const namesByCode: ReadonlyMap<number, ErrorName> = new Map(
  (Object.keys(errorTable) as ErrorName[]).map(name => [errorTable[name].code, name])
)

export function errorByName (name: ErrorName): NamedErrorRow {
  return { name, ...errorTable[name] }
}

/**
 * The row of a code. A code that the table does not hold comes from a broker newer than the table:
 * it stops the partition, visibly, rather than being retried for ever.
 */
export function errorByCode (code: number): NamedErrorRow {
  const name = namesByCode.get(code)
  if (name !== undefined) return errorByName(name)
  return {
    name: `ERROR_${code}`,
    ...row(code, 'final', 'partition', `error ${code}, which Longhaul does not know`, upgrade)
  }
}
