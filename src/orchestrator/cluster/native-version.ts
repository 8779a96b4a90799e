// What the data plane was built with, for everything that shows it or asks for it.
import rdkafka from 'node-rdkafka'

export { librdkafkaVersion } from '../../dataplane/index.ts'

/** builtin.features: the addon's librdkafka and node-rdkafka's come out of one build. */
export const librdkafkaFeatures: readonly string[] = rdkafka.features
