// server.properties of a broker that is a whole KRaft cluster: one replica of everything, small
// internal topics, no topics by accident. Pure.

export interface ServerPropertiesOptions {
  readonly port: number
  readonly controllerPort: number
  readonly dataFolder: string
}

export function serverProperties (
  { controllerPort, dataFolder, port }: ServerPropertiesOptions
): string {
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=CLIENT',
    'listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    `listeners=CLIENT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=CLIENT://127.0.0.1:${port}`,
    `log.dirs=${dataFolder}`,
    'auto.create.topics.enable=false',
    'default.replication.factor=1',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=2',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.num.partitions=2',
    'transaction.state.log.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    'num.network.threads=2',
    'num.io.threads=4',
    'background.threads=2',
    // 128 MiB of heap by default.
    'log.cleaner.dedupe.buffer.size=4194304',
    ''
  ].join('\n')
}
