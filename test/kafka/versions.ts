// Versions of Kafka for test clusters, other than that of pom.xml, and their differences.

export interface BrokerVersion {
  readonly version: string
  /** The profile of broker-pom.xml with the library that writes the broker's log. */
  readonly logging: 'log4j2' | 'reload4j'
  /** Where the cluster keeps its metadata. KRaft supports no transactions before 3.0. */
  readonly metadata: 'kraft' | 'zookeeper'
  /** Below a broker's first folder: where `StorageTool format` writes the cluster's features. */
  readonly checkpoint: string
}

export const defaultCheckpoint = 'bootstrap.checkpoint'

export const brokerVersions: readonly BrokerVersion[] = [
  { version: '2.8.2', logging: 'reload4j', metadata: 'zookeeper', checkpoint: defaultCheckpoint },
  { version: '3.4.1', logging: 'reload4j', metadata: 'kraft', checkpoint: defaultCheckpoint },
  { version: '3.9.1', logging: 'reload4j', metadata: 'kraft', checkpoint: defaultCheckpoint },
  {
    version: '4.4.0',
    logging: 'log4j2',
    metadata: 'kraft',
    checkpoint: '__cluster_metadata-0/00000000000000000000-0000000000.checkpoint'
  }
]
