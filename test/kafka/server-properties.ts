// server.properties of one KRaft broker, set for tests: small, fast elections, fast cleaning.

import {
  renderServerProperties as render, serverProperties, type Listener, type ServerIdentity
} from '../../src/demo/server-properties.ts'

export type { Listener }

/** A listener of every broker besides those of cluster.ts, with its properties by Kafka's names. */
export interface MoreListener extends Pick<Listener, 'name' | 'protocol'> {
  /** Without the prefix `listener.name.NAME.`. */
  readonly config?: Readonly<Record<string, string>>
  /** The advertised port; by default the listener's own. */
  readonly advertisedPort?: number
  /** 127.0.0.1 by default. */
  readonly host?: string
  /** The same as `host` by default. */
  readonly advertisedHost?: string
}

/** Users of the SASL listener (PLAIN), and those that may do everything. */
export interface SaslUsers {
  readonly users: Readonly<Record<string, string>>
  /** If present, the StandardAuthorizer refuses everybody else what no ACL allows. */
  readonly superUsers?: readonly string[]
}

export interface ServerSettings extends ServerIdentity {
  /** If present, the cluster keeps its metadata in ZooKeeper and not in KRaft. */
  readonly zookeeperPort?: number
  readonly sasl?: SaslUsers
  readonly moreListeners?: readonly MoreListener[]
  /** Wins over everything here. */
  readonly config?: Readonly<Record<string, string>>
}

export function renderServerProperties (settings: ServerSettings): string {
  const { zookeeperPort } = settings
  const base = serverProperties(settings)
  return render({
    ...zookeeperPort === undefined ? base : withZooKeeper(base, settings, zookeeperPort),
    ...quick, ...security(settings), ...listenerConfigs(settings.moreListeners ?? []),
    ...settings.config
  })
}

/** For a broker that is not the controller of a quorum. */
function withZooKeeper (
  base: Readonly<Record<string, string>>, { id }: ServerIdentity, port: number
): Record<string, string> {
  const kraftOnly = ['process.roles', 'node.id', 'controller.quorum.voters',
    'controller.listener.names']
  const without = (property: string): string => (base[property] ?? '').split(',')
    .filter(each => !each.startsWith('CONTROLLER:')).join(',')
  return {
    ...Object.fromEntries(Object.entries(base).filter(([name]) => !kraftOnly.includes(name))),
    listeners: without('listeners'),
    'listener.security.protocol.map': without('listener.security.protocol.map'),
    'broker.id': String(id),
    'zookeeper.connect': `127.0.0.1:${port}`,
    'zookeeper.session.timeout.ms': '3000'
  }
}

const quick: Readonly<Record<string, string>> = {
  'log.cleaner.backoff.ms': '200',
  'log.segment.bytes': '67108864',
  'log.segment.delete.delay.ms': '1000',
  'log.retention.check.interval.ms': '1000',
  // Retention uses the records' timestamps, and a test may write any. With Kafka's seven days such
  // records would be deleted at the first check, half a minute after the broker's start.
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

function listenerConfigs (listeners: readonly MoreListener[]): Record<string, string> {
  return Object.fromEntries(listeners.flatMap(({ name, config = {} }) =>
    Object.entries(config).map(([property, value]) =>
      [`listener.name.${name.toLowerCase()}.${property}`, value])))
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

/** ANONYMOUS is every client of the plaintext listeners: the brokers and the harness. */
function authorizer (superUsers: readonly string[]): Record<string, string> {
  return {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': ['ANONYMOUS', ...superUsers].map(user => `User:${user}`).join(';')
  }
}
