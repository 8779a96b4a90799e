// What a configuration says once it is read: values, checked, in the words of the parts that use
// them.
import type { forwarderSettings } from '../../dataplane/contract/contract-table.ts'
import type { ConfigPropertyFilter } from '../policy/config-property-filter.ts'
import type { GroupFilter } from '../policy/group-filter.ts'
import type { ReplicationPolicy } from '../policy/replication-policy.ts'
import type { TopicSelection } from '../policy/topic-filter.ts'
import type { CertificateEnd } from './certificates.ts'
import type { ClientProperties } from './client-properties.ts'
import type {
  FlowSetting, FlowSettings, ProcessSetting, ProcessSettings, TopicSettings
} from './config-table.ts'
import type { TopicStarts } from './offset-reset.ts'
import type { FileDigests } from './read-files.ts'

export type ForwarderSettings = Readonly<Record<keyof typeof forwarderSettings, number>>

export interface Config {
  readonly process: ProcessSettings
  /** Those that the file or the command line sets; the others have their defaults. */
  readonly chosen: ReadonlySet<ProcessSetting>
  readonly flows: readonly FlowConfig[]
  readonly warnings: readonly string[]
  /** What the file names: certificates, stores, and what config.providers read. */
  readonly files: FileDigests
}

export interface FlowConfig {
  /** `A->B`. */
  readonly name: string
  readonly source: FlowEnd
  readonly target: FlowEnd
  readonly settings: FlowSettings
  /** Those that the file or the command line sets; the others have their defaults. */
  readonly chosen: ReadonlySet<FlowSetting>
  /** What counts for one topic of the source. */
  readonly ofTopic: (topic: string) => TopicSettings
  /** What was set for single topics, by topic. */
  readonly topicSettings: ReadonlyMap<string, Partial<TopicSettings>>
  /** What each Forwarder of the flow is opened with. */
  readonly forwarder: ForwarderSettings
  readonly policy: ReplicationPolicy
  /** For judgeTopic: which topics take part. */
  readonly topics: TopicSelection
  /** Which settings of its source topic a new remote topic copies. */
  readonly configProperties: ConfigPropertyFilter
  /** Which consumer groups of the source take part. */
  readonly groups: GroupFilter
  /** Where topics begin that were never mirrored before. */
  readonly starts: TopicStarts
  readonly heartbeats: readonly HeartbeatPair[]
  /** Where offset syncs are written, if they are. */
  readonly offsetSyncs: OffsetSyncPlace
}

export interface OffsetSyncPlace {
  readonly topic: string
  /** Whose cluster has the topic. */
  readonly side: 'source' | 'target'
}

/** Two clusters whose heartbeats a flow writes: its own two, or others that no flow connects. */
export interface HeartbeatPair {
  readonly source: string
  readonly target: string
  /** What the heartbeats call them: source.cluster.alias and target.cluster.alias of the pair. */
  readonly aliases: { readonly source: string, readonly target: string }
  /** Which cluster of the flow is the target of the pair, whose topic receives the heartbeats. */
  readonly side: 'source' | 'target'
  readonly intervalMs: number
  readonly replicationFactor: number
}

export interface FlowEnd {
  readonly alias: string
  /** For the data plane, librdkafka's names. */
  readonly client: ClientProperties
  readonly admin: ClientProperties
  /** Of the certificates in `client`; without the public authorities. */
  readonly certificates: readonly CertificateEnd[]
}
