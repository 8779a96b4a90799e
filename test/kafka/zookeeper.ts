// The one ZooKeeper node of a cluster whose brokers are too old for KRaft, from the brokers' jars.

import type { ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import type { Jars } from './jars.ts'
import { javaArguments, javaProgram, quickStartFlags } from './java.ts'
import { accepts } from './ports.ts'
import { hasExited, killChild, spawnGuarded } from './process-guard.ts'

export interface ZooKeeperSettings {
  readonly jars: Jars
  readonly folder: string
  readonly port: number
}

export class ZooKeeper {
  readonly #child: ChildProcess
  readonly #logPath: string

  private constructor (child: ChildProcess, logPath: string) {
    this.#child = child
    this.#logPath = logPath
  }

  /** Resolves when it accepts connections. */
  static async start ({ jars, folder, port }: ZooKeeperSettings): Promise<ZooKeeper> {
    mkdirSync(folder, { recursive: true })
    const path = join(folder, 'zookeeper.properties')
    writeFileSync(path, [
      `dataDir=${join(folder, 'data')}`, `clientPort=${port}`, 'clientPortAddress=127.0.0.1',
      'tickTime=500', 'maxClientCnxns=0', 'admin.enableServer=false', ''
    ].join('\n'))
    const logPath = join(folder, 'zookeeper.log')
    const output = openSync(logPath, 'a')
    const child = spawnGuarded(javaProgram(), javaArguments({
      classPath: jars.classPath,
      className: 'org.apache.zookeeper.server.quorum.QuorumPeerMain',
      args: [path],
      flags: ['-Xmx128m', ...quickStartFlags]
    }), { stdio: ['ignore', output, output] })
    closeSync(output)
    child.unref()
    child.on('error', () => {})
    const zookeeper = new ZooKeeper(child, logPath)
    await zookeeper.#untilListening(port)
    return zookeeper
  }

  async destroy (): Promise<void> {
    if (!hasExited(this.#child)) await killChild(this.#child)
  }

  async #untilListening (port: number): Promise<void> {
    try {
      await eventually('start of ZooKeeper', async () => {
        if (hasExited(this.#child)) throw new Error(`it ended with ${this.#child.exitCode}`)
        return await accepts(port)
      })
    } catch (error) {
      await this.destroy()
      throw new Error(`${(error as Error).message}\n${readFileSync(this.#logPath, 'utf8')}`)
    }
  }
}
