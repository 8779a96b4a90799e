// Replication policies of other authors, by the Java class that a file names: classes whose source
// is public and that name topics as one of Kafka's own policies does.
import type { PolicyName } from './replication-policy.ts'

export interface KnownPolicy {
  /** Kafka's policy that names topics in the same way. */
  readonly means: PolicyName
  /** How the class differs from that policy, for its user; undefined: not at all. */
  readonly remark?: string
}

const keepsHeartbeats = 'it is read as IdentityReplicationPolicy, which mirrors the topic ' +
  'heartbeats as SOURCE.heartbeats; this class mixes the heartbeats of both clusters in one topic'

export const knownPolicies: Readonly<Record<string, KnownPolicy>> = {
  // Since Strimzi 0.23 (Kafka 3.0) a subclass of Kafka's IdentityReplicationPolicy; before, its
  // own class, which kept the name of the topic heartbeats, too.
  'io.strimzi.kafka.connect.mirror.IdentityReplicationPolicy':
    { means: 'IdentityReplicationPolicy' },
  // github.com/aws-samples/mirrormaker2-msk-migration
  'com.amazonaws.kafka.samples.CustomMM2ReplicationPolicy':
    { means: 'IdentityReplicationPolicy', remark: keepsHeartbeats },
  // github.com/mawileo, from which many copies were made; the last version is Kafka's.
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
