// What the data plane was built with, for everything that shows it.
export { librdkafkaVersion } from '../../dataplane/index.ts'
