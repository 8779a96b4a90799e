// Replication policies of other authors, by the Java class that a file names: classes with public
// source that name topics like one of Kafka's own policies.
import type { PolicyName } from './replication-policy.ts'

export interface KnownPolicy {
  /** The policy of Kafka that names topics in the same way. */
  readonly means: PolicyName
  /** How the class differs from that policy, for the user; undefined: it does not differ. */
  readonly remark?: string
}

const keepsHeartbeats = 'it is read as IdentityReplicationPolicy, which mirrors the topic ' +
  'heartbeats as SOURCE.heartbeats; this class mixes the heartbeats of both clusters in one topic'

export const knownPolicies: Readonly<Record<string, KnownPolicy>> = {
  // Since Strimzi 0.23 (Kafka 3.0) a subclass of Kafka's IdentityReplicationPolicy; earlier a class
  // of Strimzi, which also kept the name of the topic heartbeats.
  'io.strimzi.kafka.connect.mirror.IdentityReplicationPolicy':
    { means: 'IdentityReplicationPolicy' },
  // github.com/aws-samples/mirrormaker2-msk-migration
  'com.amazonaws.kafka.samples.CustomMM2ReplicationPolicy':
    { means: 'IdentityReplicationPolicy', remark: keepsHeartbeats },
  // github.com/mawileo; many copies of this class exist; its last version equals Kafka's class.
  'ch.mawileo.kafka.mm2.PrefixlessReplicationPolicy': { means: 'IdentityReplicationPolicy' },
  'com.kafka.mirror.PrefixlessReplicationPolicy':
    { means: 'IdentityReplicationPolicy', remark: keepsHeartbeats },
  // Part of AutoMQ.
  'org.apache.kafka.connect.mirror.AutoMQIdentityReplicationPolicy': {
    means: 'IdentityReplicationPolicy',
    remark: 'it is read as IdentityReplicationPolicy; the environment variables ' +
      'OFFSET_SYNCS_TOPIC, CHECKPOINTS_TOPIC and HEARTBEATS_TOPIC have no effect'
  }
}
