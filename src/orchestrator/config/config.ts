// A parsed configuration: checked values, in the terms of the parts that use them.
import type { forwarderSettings } from '../../dataplane/contract/contract-table.ts'
import type { ConfigPropertyFilter } from '../policy/config-property-filter.ts'
import type { GroupFilter } from '../policy/group-filter.ts'
import type { ReplicationPolicy } from '../policy/replication-policy.ts'
import type { TopicSelection } from '../policy/topic-filter.ts'
import type { CertificateEnd } from './certificates.ts'
import type { ClientProperties, ClusterClient } from './client-properties.ts'
import type {
  FlowSetting, FlowSettings, ProcessSetting, ProcessSettings, TopicSettings
} from './config-table.ts'
import type { TopicStarts } from './offset-reset.ts'
import type { Side } from './property-path.ts'
import type { FileDigests } from './read-files.ts'

export type ForwarderSettings = Readonly<Record<keyof typeof forwarderSettings, number>>

export interface Config {
  readonly process: ProcessSettings
  /** The settings that the file or the command line sets; the others have their defaults. */
  readonly chosen: ReadonlySet<ProcessSetting>
  readonly flows: readonly FlowConfig[]
  /** Of the HTTP server; undefined: it serves plain HTTP. */
  readonly serverTls: ServerTls | undefined
  readonly warnings: readonly string[]
  /** The files that the properties file names: certificates, stores, files of config.providers. */
  readonly files: FileDigests
}

export interface ServerTls {
  /** PEM texts. */
  readonly certificate: Buffer
  readonly key: Buffer
}

export interface FlowConfig {
  /** `A->B`. */
  readonly name: string
  readonly source: FlowEnd
  readonly target: FlowEnd
  readonly settings: FlowSettings
  /** The settings that the file or the command line sets; the others have their defaults. */
  readonly chosen: ReadonlySet<FlowSetting>
  /** The settings that apply to one topic of the source. */
  readonly ofTopic: (topic: string) => TopicSettings
  /** The settings of single topics, by topic. */
  readonly topicSettings: ReadonlyMap<string, Partial<TopicSettings>>
  /** The settings of each Forwarder of the flow. */
  readonly forwarder: ForwarderSettings
  readonly policy: ReplicationPolicy
  /** For judgeTopic: which topics the flow includes. */
  readonly topics: TopicSelection
  /** Which settings of its source topic a new remote topic copies. */
  readonly configProperties: ConfigPropertyFilter
  /** Which consumer groups of the source the flow includes. */
  readonly groups: GroupFilter
  /** Where topics begin that the flow has never mirrored. */
  readonly starts: TopicStarts
  readonly heartbeats: readonly HeartbeatPair[]
  /** The topic for offset syncs, and the end of the flow that has it. */
  readonly offsetSyncs: OffsetSyncPlace
  /** Undefined: the flow has no canary. */
  readonly canary: CanaryTopics | undefined
}

export interface CanaryTopics {
  /** On the source. */
  readonly topic: string
  readonly remoteTopic: string
}

export interface OffsetSyncPlace {
  readonly topic: string
  /** The end of the flow that has the topic. */
  readonly side: Side
}

/** Two clusters whose heartbeats a flow writes: its own clusters, or two that no flow connects. */
export interface HeartbeatPair {
  readonly source: string
  readonly target: string
  /** The names in the heartbeats: source.cluster.alias and target.cluster.alias of the pair. */
  readonly aliases: { readonly source: string, readonly target: string }
  /** The end of the flow that is the pair's target, whose topic receives the heartbeats. */
  readonly side: Side
  readonly intervalMs: number
  readonly replicationFactor: number
}

export interface FlowEnd {
  readonly alias: string
  /** For the data plane, under librdkafka's names. */
  readonly client: ClientProperties
  /** For the control plane. */
  readonly admin: ClusterClient
  /** The certificates in `client`, without public authorities. */
  readonly certificates: readonly CertificateEnd[]
}
