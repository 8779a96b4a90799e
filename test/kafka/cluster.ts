// Real Kafka clusters for tests: one or three KRaft brokers on free ports of 127.0.0.1, with a
// temporary folder that is removed, and processes that are ended, after the test.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Broker, randomKafkaUuid, type JvmSettings } from './broker.ts'
import { describeCluster } from './cluster-report.ts'
import { describeOnFailure, reportIfFailed, type CleanUp } from './failed-test.ts'
import { ensureJars, type Jars } from './jars.ts'
import { mustRunJava, quickStartFlags, runJava, type JavaResult } from './java.ts'
import { KafkaAdmin, type TopicSettings } from './kafka-admin.ts'
import type { NamespaceLink } from './netns.ts'
import { Link, type LinkSettings } from './link.ts'
import { releasePorts, reservePorts } from './ports.ts'
import { createTempFolder, removeFolder } from './process-guard.ts'
import { startProxy, type TcpProxy } from './proxy.ts'
import type { Listener, MoreListener, SaslUsers } from './server-properties.ts'
import type { BrokerVersion } from './versions.ts'
import { ZooKeeper } from './zookeeper.ts'

export type { CleanUp } from './failed-test.ts'

export interface KafkaClusterOptions {
  readonly brokers?: 1 | 3
  /** The version of pom.xml by default. */
  readonly version?: BrokerVersion
  /** The number of brokers. 1 by default. */
  readonly firstBrokerId?: number
  /** Broker properties that win over those of server-properties.ts. */
  readonly config?: Readonly<Record<string, string>>
  /** The same for single brokers, for example `broker.rack`. These win over `config`. */
  readonly configOf?: (brokerId: number) => Readonly<Record<string, string>>
  /** A second listener of every broker, advertised at a proxy's port, with the link's settings. */
  readonly proxied?: boolean | LinkSettings
  /** Instead of proxies: the second listener is reached over this link; the caller closes it. */
  readonly over?: NamespaceLink
  /** The public listener requires a PLAIN login; `superUsers` enables the authorizer. */
  readonly sasl?: SaslUsers
  readonly moreListeners?: readonly MoreListener[]
  readonly jvm?: JvmSettings
  /** Where the brokers run; by default in this network namespace, on 127.0.0.1. */
  readonly place?: NetworkPlace
  /** Data folders of each broker: with 2 or more, one may fail without the broker. */
  readonly logDirCount?: number
}

export interface NetworkPlace {
  /** Of the public listener, for this process and for the brokers. */
  readonly address: string
  /** A prefix of commands that run there. */
  readonly commandPrefix: readonly string[]
}

interface BrokerPorts {
  readonly id: number
  readonly plain: number
  readonly controller: number
  readonly sasl: number
  readonly behindProxy: number
  readonly proxy: number
  /** In the order of `moreListeners`. */
  readonly more: readonly number[]
}

interface ClusterJars {
  readonly tools: Jars
  readonly brokers: Jars
}

const portsPerBroker = 5

/** Starts a cluster and, with `t`, closes it after the test. A failed start leaves nothing. */
export async function startKafkaCluster (
  t?: CleanUp, options: KafkaClusterOptions = {}
): Promise<KafkaCluster> {
  const jars = { tools: await ensureJars(), brokers: await ensureJars(options.version) }
  const count = options.brokers ?? 1
  const each = portsPerBroker + (options.moreListeners?.length ?? 0)
  const reserved = await reservePorts(count * each)
  const { firstBrokerId = 1 } = options
  const ports = Array.from({ length: count }, (_, index) =>
    portsOf(firstBrokerId + index, reserved.slice(index * each, (index + 1) * each)))
  const cluster = new KafkaCluster(jars, ports, options)
  try {
    await cluster.start()
  } catch (error) {
    await cluster.close()
    throw error
  }
  t?.after(async () => {
    await reportIfFailed(t)
    await cluster.close()
  })
  return cluster
}

export class KafkaCluster {
  readonly id = randomKafkaUuid()
  /** Where clients connect: the SASL listener if there is one, otherwise the plain one. */
  readonly bootstrapServers: string
  /** Without login and with all permissions; the harness uses it. */
  readonly plainBootstrapServers: string
  /** The addresses of the proxies or of the link; empty unless `proxied` or `over`. */
  readonly proxiedBootstrapServers: string
  readonly brokers: readonly Broker[]
  readonly admin: KafkaAdmin
  /** The link that the proxies of all brokers share. */
  readonly link: Link
  readonly #jars: ClusterJars
  readonly #ports: readonly BrokerPorts[]
  readonly #options: KafkaClusterOptions
  readonly #folder = createTempFolder('kafka')
  #proxies: readonly TcpProxy[] = []
  #zookeeper: ZooKeeper | undefined
  readonly #forget = describeOnFailure(async () => await describeCluster(this))
  #closing: Promise<void> | undefined

  constructor (jars: ClusterJars, ports: readonly BrokerPorts[], options: KafkaClusterOptions) {
    this.#jars = jars
    this.#ports = ports
    this.#options = options
    this.link = new Link(typeof options.proxied === 'object' ? options.proxied : {})
    this.plainBootstrapServers = addresses(ports.map(p => p.plain), options.place?.address)
    this.bootstrapServers = options.sasl === undefined
      ? this.plainBootstrapServers
      : addresses(ports.map(p => p.sasl))
    this.proxiedBootstrapServers = isProxied(options)
      ? addresses(ports.map(p => p.proxy), options.over?.farAddress)
      : ''
    this.admin = new KafkaAdmin(this.plainBootstrapServers, () => this.brokers)
    this.brokers = ports.map(p => this.#createBroker(p))
  }

  /** One proxy for each broker, in the brokers' order; empty unless `proxied`. */
  get proxies (): readonly TcpProxy[] {
    return this.#proxies
  }

  /** The addresses of one of `moreListeners`. */
  serversOf (listener: string, host?: string): string {
    const index = this.#options.moreListeners?.findIndex(({ name }) => name === listener) ?? -1
    return addresses(this.#ports.map(({ more }) => more[index] ?? 0), host)
  }

  async start (): Promise<void> {
    const { over } = this.#options
    if (over !== undefined) {
      for (const { behindProxy, proxy } of this.#ports) await over.relay(proxy, behindProxy)
    } else if (isProxied(this.#options)) {
      this.#proxies = await Promise.all(this.#ports.map(async p =>
        await startProxy({ port: p.proxy, targetPort: p.behindProxy, link: this.link })))
    }
    const port = this.#zookeeperPort()
    if (port !== undefined) {
      const folder = join(this.#folder, 'zookeeper')
      this.#zookeeper = await ZooKeeper.start({ jars: this.#jars.brokers, folder, port })
    }
    await Promise.all(this.brokers.map(async broker => { await broker.start() }))
  }

  /** A broker that answers. */
  anyBroker (): Broker {
    const broker = this.brokers.find(({ isAnswering }) => isAnswering)
    if (broker === undefined) throw new Error('no broker of the cluster runs')
    return broker
  }

  broker (id: number): Broker {
    const broker = this.brokers.find(b => b.id === id)
    if (broker === undefined) throw new Error(`no broker ${id}`)
    return broker
  }

  async createTopic (topic: string, settings: TopicSettings = {}): Promise<void> {
    const replicationFactor = settings.replicationFactor ?? this.brokers.length
    await this.admin.createTopic(topic, { ...settings, replicationFactor })
  }

  /** Runs one of Kafka's command line classes with `--bootstrap-server`: 1-2 s of JVM each. */
  async runTool (className: string, args: readonly string[]): Promise<string> {
    return await mustRunJava(this.#tool(className, args))
  }

  async tryTool (className: string, args: readonly string[]): Promise<JavaResult> {
    return await runJava(this.#tool(className, args))
  }

  /** Idempotent; kills running brokers, removes folder and proxies, returns the ports. */
  async close (): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  async #close (): Promise<void> {
    this.#forget()
    await this.admin.close()
    await Promise.all(this.#proxies.map(async proxy => { await proxy.close() }))
    await Promise.all(this.brokers.map(async broker => { await broker.destroy() }))
    await this.#zookeeper?.destroy()
    removeFolder(this.#folder)
    releasePorts(this.#ports.flatMap(allPorts))
  }

  /** That of the first broker's controller, which is none. */
  #zookeeperPort (): number | undefined {
    return this.#options.version?.metadata === 'zookeeper' ? this.#ports[0]?.controller : undefined
  }

  #tool (className: string, args: readonly string[]): Parameters<typeof runJava>[0] {
    return {
      classPath: this.#jars.tools.classPath,
      className,
      args: ['--bootstrap-server', this.plainBootstrapServers, ...args],
      flags: [...quickStartFlags, ...this.#jars.tools.archiveFlags, '-Dlonghaul.log.level=ERROR']
    }
  }

  #createBroker (own: BrokerPorts): Broker {
    const folder = join(this.#folder, `broker-${own.id}`)
    mkdirSync(folder)
    const { config, configOf, moreListeners = [], place, sasl, jvm = {}, logDirCount = 1 } =
      this.#options
    const zookeeperPort = this.#zookeeperPort()
    return new Broker({
      jars: this.#jars.brokers,
      clusterId: this.id,
      folder,
      jvm,
      logDirCount,
      commandPrefix: place?.commandPrefix ?? [],
      server: {
        id: own.id,
        voters: this.#ports.map(p => ({ id: p.id, port: p.controller })),
        brokerCount: this.#ports.length,
        controllerPort: own.controller,
        listeners: listenersOf(own, this.#options),
        moreListeners,
        ...sasl === undefined ? {} : { sasl },
        ...zookeeperPort === undefined ? {} : { zookeeperPort },
        config: { ...config, ...configOf?.(own.id) }
      }
    })
  }
}

function portsOf (id: number, own: readonly number[]): BrokerPorts {
  const [plain = 0, controller = 0, sasl = 0, behindProxy = 0, proxy = 0, ...more] = own
  return { id, plain, controller, sasl, behindProxy, proxy, more }
}

function allPorts (ports: BrokerPorts): number[] {
  const { plain, controller, sasl, behindProxy, proxy, more } = ports
  return [plain, controller, sasl, behindProxy, proxy, ...more]
}

function listenersOf (ports: BrokerPorts, options: KafkaClusterOptions): Listener[] {
  const publicProtocol = options.sasl === undefined ? 'PLAINTEXT' : 'SASL_PLAINTEXT'
  const listeners: Listener[] = [
    {
      name: 'PLAIN',
      protocol: 'PLAINTEXT',
      port: ports.plain,
      advertisedPort: ports.plain,
      ...options.place !== undefined && { host: options.place.address }
    }
  ]
  if (options.sasl !== undefined) {
    listeners.push({
      name: 'LOGIN', protocol: publicProtocol, port: ports.sasl, advertisedPort: ports.sasl
    })
  }
  if (isProxied(options)) {
    listeners.push({
      name: 'PROXIED',
      protocol: publicProtocol,
      port: ports.behindProxy,
      advertisedPort: ports.proxy,
      ...options.over === undefined ? {} : { advertisedHost: options.over.farAddress }
    })
  }
  for (const [index, more] of (options.moreListeners ?? []).entries()) {
    const port = ports.more[index] ?? 0
    const { advertisedHost, advertisedPort = port, host, name, protocol } = more
    listeners.push({
      name,
      protocol,
      port,
      advertisedPort,
      ...host !== undefined && { host },
      ...advertisedHost !== undefined && { advertisedHost }
    })
  }
  return listeners
}

function isProxied ({ over, proxied = false }: KafkaClusterOptions): boolean {
  return proxied !== false || over !== undefined
}

function addresses (ports: readonly number[], host = '127.0.0.1'): string {
  return ports.map(port => `${host}:${port}`).join(',')
}
