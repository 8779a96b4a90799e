// server.properties of small KRaft brokers, each of which is also a controller: ids, listeners, and
// small internal topics. Tests add further properties. Pure.

export interface Listener {
  readonly name: string
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
  readonly port: number
  readonly advertisedPort: number
  /** 127.0.0.1 by default. */
  readonly host?: string
  /** The same as `host` by default. */
  readonly advertisedHost?: string
}

export interface ServerIdentity {
  readonly id: number
  /** The first folder also holds the metadata. */
  readonly logDirs: readonly string[]
  readonly voters: ReadonlyArray<{ readonly id: number, readonly port: number }>
  readonly brokerCount: number
  readonly controllerPort: number
  /** The first listener carries the traffic between the brokers. */
  readonly listeners: readonly Listener[]
}

const localhost = '127.0.0.1'

export type ServerProperties = Readonly<Record<string, string>>

export function serverProperties (server: ServerIdentity): ServerProperties {
  return { ...identity(server), ...internalTopics(server.brokerCount), ...small }
}

export function renderServerProperties (properties: ServerProperties): string {
  return Object.entries(properties).map(([key, value]) => `${key}=${value}\n`).join('')
}

function identity (server: ServerIdentity): ServerProperties {
  const { id, logDirs, voters, controllerPort, listeners } = server
  const controller: Listener = {
    name: 'CONTROLLER', protocol: 'PLAINTEXT', port: controllerPort, advertisedPort: controllerPort
  }
  const all = [...listeners, controller]
  return {
    'process.roles': 'broker,controller',
    'node.id': String(id),
    'controller.quorum.voters': voters.map(v => `${v.id}@${localhost}:${v.port}`).join(','),
    'controller.listener.names': controller.name,
    'inter.broker.listener.name': listeners[0]?.name ?? controller.name,
    listeners: all.map(l => `${l.name}://${l.host ?? localhost}:${l.port}`).join(','),
    // Brokers before 3.9 must not advertise the controller's listener.
    'advertised.listeners': listeners
      .map(({ host = localhost, advertisedHost = host, advertisedPort, name }) =>
        `${name}://${advertisedHost}:${advertisedPort}`).join(','),
    'listener.security.protocol.map': all.map(l => `${l.name}:${l.protocol}`).join(','),
    'log.dirs': logDirs.join(',')
  }
}

function internalTopics (brokerCount: number): ServerProperties {
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

const small: ServerProperties = {
  'auto.create.topics.enable': 'false',
  'num.network.threads': '2',
  'num.io.threads': '4',
  'background.threads': '2',
  // The cleaner's map of keys uses 128 MiB of heap by default.
  'log.cleaner.dedupe.buffer.size': '4194304'
}
