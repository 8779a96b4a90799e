// The versions and features that the data plane was built with.
import rdkafka from 'node-rdkafka'

export { librdkafkaVersion } from '../../dataplane/index.ts'

/** builtin.features: the librdkafka of the addon and that of node-rdkafka are one build. */
export const librdkafkaFeatures: readonly string[] = rdkafka.features
