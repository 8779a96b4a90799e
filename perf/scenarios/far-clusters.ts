// Two clusters of one broker, each with an address at the near end of an emulated line: the port of
// that address is reserved, and a scenario starts the line there when it needs one.
import { startKafkaCluster, type KafkaCluster } from '../../test/kafka/cluster.ts'
import { releasePorts, reservePorts } from '../../test/kafka/ports.ts'
import { createTempFolder, removeFolder } from '../../test/kafka/process-guard.ts'
import { startLine, type Line, type LineSettings } from '../line/line.ts'
import { sourceBrokerId, targetBrokerId } from '../measure/thread-usage.ts'
import { brokerOptions } from './brokers.ts'

export interface FarCluster {
  readonly cluster: KafkaCluster
  readonly linePort: number
}

export interface FarClusters {
  readonly source: FarCluster
  readonly target: FarCluster
  /** Removed at the end. */
  readonly folder: string
}

const listener = 'FAR'

/** Calls `use`, and closes the clusters afterwards. */
export async function withFarClusters<Result> (
  say: (text: string) => void, use: (clusters: FarClusters) => Promise<Result>
): Promise<Result> {
  const folder = createTempFolder('perf')
  const ports = await reservePorts(2)
  const [sourcePort = 0, targetPort = 0] = ports
  const clusters: KafkaCluster[] = []
  const start = async (firstBrokerId: number, linePort: number): Promise<FarCluster> => {
    const cluster = await startKafkaCluster(undefined, {
      ...brokerOptions,
      firstBrokerId,
      moreListeners: [{ name: listener, protocol: 'PLAINTEXT', advertisedPort: linePort }]
    })
    clusters.push(cluster)
    return { cluster, linePort }
  }
  try {
    say('starting two clusters of one broker')
    const source = await start(sourceBrokerId, sourcePort)
    const target = await start(targetBrokerId, targetPort)
    return await use({ source, target, folder })
  } finally {
    for (const cluster of clusters) await cluster.close()
    releasePorts(ports)
    removeFolder(folder)
  }
}

/** The bootstrap.servers of the cluster behind its line. */
export function serversBehindLine ({ linePort }: FarCluster): string {
  return `127.0.0.1:${linePort}`
}

export async function startLineTo (
  { cluster, linePort }: FarCluster, settings: LineSettings
): Promise<Line> {
  return await startLine(linePort, Number(cluster.serversOf(listener).split(':')[1]), settings)
}
