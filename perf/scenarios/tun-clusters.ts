// Two clusters of one broker, one of them in a network namespace at the far end of a line over TUN.
// Everybody but the contender reaches it beside the line.
import { startKafkaCluster, type KafkaCluster } from '../../test/kafka/cluster.ts'
import { createTempFolder, removeFolder } from '../../test/kafka/process-guard.ts'
import { TunLine } from '../line/tun-line.ts'
import { sourceBrokerId, targetBrokerId } from '../measure/thread-usage.ts'
import { brokerOptions } from './brokers.ts'

export interface TunClusters {
  readonly line: TunLine
  readonly source: KafkaCluster
  readonly target: KafkaCluster
  /** The bootstrap.servers of the far cluster over the line. */
  readonly farServers: string
  /** Removed at the end. */
  readonly folder: string
}

export interface TunClustersOptions {
  readonly far: 'source' | 'target'
  /** socket.send.buffer.bytes and socket.receive.buffer.bytes; undefined: Kafka's defaults. */
  readonly socketBuffers: number | undefined
  readonly say: (text: string) => void
}

const listener = 'FAR'

/** Calls `use`, and closes clusters and line afterwards. */
export async function withTunClusters<Result> (
  { far, say, socketBuffers }: TunClustersOptions,
  use: (clusters: TunClusters) => Promise<Result>
): Promise<Result> {
  const line = await TunLine.open()
  if (typeof line === 'string') throw new Error(line)
  const folder = createTempFolder('perf')
  const clusters: KafkaCluster[] = []
  const start = async (firstBrokerId: number, isFar: boolean): Promise<KafkaCluster> => {
    const cluster = await startKafkaCluster(undefined, {
      ...brokerOptions,
      firstBrokerId,
      ...isFar && {
        config: { ...brokerOptions.config, ...bufferConfig(socketBuffers) },
        place: { address: line.directAddress, commandPrefix: line.farCommand },
        moreListeners: [{ name: listener, protocol: 'PLAINTEXT', host: line.farAddress }]
      }
    })
    clusters.push(cluster)
    return cluster
  }
  try {
    say(`starting two clusters of one broker, the ${far} in a network namespace`)
    const source = await start(sourceBrokerId, far === 'source')
    const target = await start(targetBrokerId, far === 'target')
    const farCluster = far === 'source' ? source : target
    const farServers = farCluster.serversOf(listener, line.farAddress)
    return await use({ line, source, target, farServers, folder })
  } finally {
    for (const cluster of clusters) await cluster.close()
    await line.close()
    removeFolder(folder)
  }
}

function bufferConfig (socketBuffers: number | undefined): Readonly<Record<string, string>> {
  if (socketBuffers === undefined) return {}
  return {
    'socket.send.buffer.bytes': String(socketBuffers),
    'socket.receive.buffer.bytes': String(socketBuffers)
  }
}
