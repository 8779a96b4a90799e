// MirrorMaker 2 as a process, with the file that Longhaul reads. MirrorMakerBeans.java prints its
// JMX beans; it is compiled as it starts, which needs a JDK.
import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import type { TestContext } from 'node:test'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { eventually, patienceMs } from '../kafka/eventually.ts'
import { ensureJars } from '../kafka/jars.ts'
import { javaArguments, javaProgram, quickStartFlags } from '../kafka/java.ts'
import {
  createTempFolder, killChild, removeFolder, spawnGuarded, stopChild
} from '../kafka/process-guard.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import { countRecords } from './comparison.ts'

/** For a cluster with one broker; all other settings are MirrorMaker 2's defaults. */
export const ofMirrorMaker = {
  'heartbeats.topic.replication.factor': 1,
  'offset-syncs.topic.replication.factor': 1,
  'offset.storage.replication.factor': 1,
  'status.storage.replication.factor': 1,
  'config.storage.replication.factor': 1,
  'offset.flush.interval.ms': 10_000,
  'tasks.max': 2
}

export interface Bean {
  readonly domain: string
  /** `type=MirrorSourceConnector,source=east,...` in the order of the name. */
  readonly properties: string
  readonly attributes: readonly string[]
}

const stopMsMax = 60_000
// Three workers of Kafka Connect that start on two busy cores needed 160 s, without a record.
const mirrorMakerPatienceMs = 3 * patienceMs

export class MirrorMaker {
  readonly #child: ReturnType<typeof spawnGuarded>
  readonly #log: string
  readonly #answers: Interface | undefined

  private constructor (child: ReturnType<typeof spawnGuarded>, log: string, answers?: Interface) {
    this.#child = child
    this.#log = log
    this.#answers = answers
  }

  /** `hasBeans`: beans() may be called. `classes`: a folder of classes that the file names. */
  static async start (
    t: TestContext, file: string,
    { classes, hasBeans = false }: { readonly classes?: string, readonly hasBeans?: boolean } = {}
  ): Promise<MirrorMaker> {
    const jars = await ensureJars()
    const classPath = classes === undefined ? jars.classPath : `${classes}:${jars.classPath}`
    const folder = createTempFolder('mirror-maker')
    const log = join(folder, 'output.log')
    const child = spawnGuarded(javaProgram(), javaArguments({
      classPath,
      className: hasBeans
        ? join(repoRoot(), 'test/kafka/MirrorMakerBeans.java')
        : 'org.apache.kafka.connect.mirror.MirrorMaker',
      args: [file],
      flags: [...quickStartFlags, '-Xmx512m']
    }), { stdio: [hasBeans ? 'pipe' : 'ignore', 'pipe', 'pipe'] })
    const output = createWriteStream(log)
    child.stdout?.pipe(output)
    child.stderr?.pipe(output)
    t.after(async () => {
      await killChild(child)
      removeFolder(folder)
    })
    return new MirrorMaker(child, log,
      hasBeans && child.stdout !== null ? createInterface(child.stdout) : undefined)
  }

  async untilRecords (target: KafkaCluster, topic: string, count: number): Promise<void> {
    await this.until(`${count} records of MirrorMaker 2 in ${topic}`, async () =>
      await countRecords(target, topic).catch(() => 0) >= count)
  }

  /** A failure shows the end of the log of MirrorMaker 2. */
  async until<T> (what: string, condition: () => Promise<T | undefined>): Promise<T> {
    try {
      return await eventually(what, condition, { timeoutMs: mirrorMakerPatienceMs })
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#tail()}`, { cause: error })
    }
  }

  async beans (): Promise<readonly Bean[]> {
    const answers = this.#answers
    if (answers === undefined) throw new Error('MirrorMaker 2 was started without beans')
    const answer = new Promise<string>(resolve => { answers.once('line', resolve) })
    this.#child.stdin?.write('\n')
    return JSON.parse(await answer) as readonly Bean[]
  }

  async kill (): Promise<void> { await killChild(this.#child) }

  async stop (): Promise<void> { await stopChild(this.#child, stopMsMax) }

  #tail (): string {
    return readFileSync(this.#log, 'utf8').trimEnd().split('\n').slice(-30).join('\n')
  }
}
