// Records which classes a broker loads while it starts, as an archive that the JVM maps (AppCDS):
// halves the start of every later broker. Recorded by one broker that starts and stops in order.

import { chmodSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { Broker, randomKafkaUuid } from './broker.ts'
import type { Jars } from './jars.ts'
import { releasePorts, reservePorts } from './ports.ts'
import { createTempFolder, removeFolder } from './process-guard.ts'

export async function recordClassArchive (jars: Jars, archive: string): Promise<void> {
  const folder = createTempFolder('kafka-archive')
  const ports = await reservePorts(2)
  const [port = 0, controllerPort = 0] = ports
  const partial = `${archive}.partial-${process.pid}`
  const broker = new Broker({
    jars,
    clusterId: randomKafkaUuid(),
    folder: mustMakeFolder(join(folder, 'broker')),
    server: {
      id: 1,
      voters: [{ id: 1, port: controllerPort }],
      brokerCount: 1,
      controllerPort,
      listeners: [{ name: 'CLIENT', protocol: 'PLAINTEXT', port, advertisedPort: port }]
    },
    jvm: { flags: [`-XX:ArchiveClassesAtExit=${partial}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off',
      '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'] }
  })
  try {
    await broker.start()
    // The JVM writes the archive when it exits; SIGKILL would leave none.
    await broker.kill('SIGTERM')
    chmodSync(partial, 0o644)
    renameSync(partial, archive)
  } finally {
    await broker.destroy()
    releasePorts(ports)
    removeFolder(folder)
  }
}

function mustMakeFolder (path: string): string {
  mkdirSync(path, { recursive: true })
  return path
}
