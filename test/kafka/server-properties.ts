// server.properties of one KRaft broker, settled for tests: small, quick to elect, quick to clean.

export interface Listener {
  readonly name: string
  readonly protocol: 'PLAINTEXT' | 'SASL_PLAINTEXT'
  readonly port: number
  readonly advertisedPort: number
  /** 127.0.0.1, unless told otherwise. */
  readonly advertisedHost?: string
}

/** Users of the SASL listener (PLAIN) and who of them may do everything. */
export interface SaslUsers {
  readonly users: Readonly<Record<string, string>>
  /** Given, the StandardAuthorizer refuses whatever is not allowed by an ACL to all but these. */
  readonly superUsers?: readonly string[]
}

export interface ServerSettings {
  readonly id: number
  /** The first one holds the metadata, too. */
  readonly logDirs: readonly string[]
  readonly voters: ReadonlyArray<{ readonly id: number, readonly port: number }>
  readonly brokerCount: number
  readonly controllerPort: number
  /** The first one carries the traffic between the brokers. */
  readonly listeners: readonly Listener[]
  readonly sasl?: SaslUsers
  /** Wins over everything here. */
  readonly config?: Readonly<Record<string, string>>
}

export function renderServerProperties (settings: ServerSettings): string {
  const properties = {
    ...identity(settings),
    ...internalTopics(settings.brokerCount),
    ...smallAndQuick,
    ...security(settings),
    ...settings.config
  }
  return Object.entries(properties).map(([key, value]) => `${key}=${value}\n`).join('')
}

function identity (settings: ServerSettings): Record<string, string> {
  const { id, logDirs, voters, controllerPort, listeners } = settings
  const controller: Listener = {
    name: 'CONTROLLER', protocol: 'PLAINTEXT', port: controllerPort, advertisedPort: controllerPort
  }
  const all = [...listeners, controller]
  return {
    'process.roles': 'broker,controller',
    'node.id': String(id),
    'controller.quorum.voters': voters.map(v => `${v.id}@127.0.0.1:${v.port}`).join(','),
    'controller.listener.names': controller.name,
    'inter.broker.listener.name': listeners[0]?.name ?? controller.name,
    listeners: all.map(l => `${l.name}://127.0.0.1:${l.port}`).join(','),
    'advertised.listeners': all.map(({ advertisedHost = '127.0.0.1', advertisedPort, name }) =>
      `${name}://${advertisedHost}:${advertisedPort}`).join(','),
    'listener.security.protocol.map': all.map(l => `${l.name}:${l.protocol}`).join(','),
    'log.dirs': logDirs.join(',')
  }
}

function internalTopics (brokerCount: number): Record<string, string> {
  const factor = String(Math.min(3, brokerCount))
  return {
    'default.replication.factor': factor,
    'offsets.topic.replication.factor': factor,
    'offsets.topic.num.partitions': '2',
    'transaction.state.log.replication.factor': factor,
    'transaction.state.log.num.partitions': '2',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': factor,
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0'
  }
}

const smallAndQuick: Readonly<Record<string, string>> = {
  'auto.create.topics.enable': 'false',
  'num.network.threads': '2',
  'num.io.threads': '4',
  'background.threads': '2',
  // The cleaner's map of keys is 128 MiB of heap by default.
  'log.cleaner.dedupe.buffer.size': '4194304',
  'log.cleaner.backoff.ms': '200',
  'log.segment.bytes': '67108864',
  'log.segment.delete.delay.ms': '1000',
  'log.retention.check.interval.ms': '1000',
  // Retention goes by the records' timestamps, and a test may write any. With Kafka's seven days
  // such records vanish at the first check, half a minute after the broker's start.
  'log.retention.ms': '-1',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '1000',
  // A killed broker is fenced, and its partitions get other leaders, within this.
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  'controller.quorum.election.timeout.ms': '500',
  'controller.quorum.fetch.timeout.ms': '1000',
  'controller.quorum.election.backoff.max.ms': '300',
  'unclean.leader.election.enable': 'false'
}

function security ({ listeners, sasl }: ServerSettings): Record<string, string> {
  if (sasl === undefined) return {}
  const secured = listeners.filter(l => l.protocol === 'SASL_PLAINTEXT')
  const users = Object.entries(sasl.users).map(([name, password]) => `user_${name}="${password}"`)
  const module = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  const jaas = `${module} required ${users.join(' ')};`
  const property = (listener: Listener): string =>
    `listener.name.${listener.name.toLowerCase()}.plain.sasl.jaas.config`
  const logins = secured.map(listener => [property(listener), jaas])
  return {
    'sasl.enabled.mechanisms': 'PLAIN',
    ...Object.fromEntries(logins) as Record<string, string>,
    ...sasl.superUsers === undefined ? {} : authorizer(sasl.superUsers)
  }
}

/** ANONYMOUS is whoever comes by the plaintext listeners: the brokers and the harness. */
function authorizer (superUsers: readonly string[]): Record<string, string> {
  return {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': ['ANONYMOUS', ...superUsers].map(user => `User:${user}`).join(';')
  }
}
