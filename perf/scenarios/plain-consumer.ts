// Kafka's console consumer of all topics of a scale run: what the same partitions cost a client
// that only reads them.
import type { CleanUp } from '../../test/integration/mirror-process.ts'
import { eventually } from '../../test/kafka/eventually.ts'
import { ensureJars } from '../../test/kafka/jars.ts'
import { javaArguments, javaProgram } from '../../test/kafka/java.ts'
import { createTempFolder, removeFolder } from '../../test/kafka/process-guard.ts'
import { startProcess, type ContenderProcess } from '../contenders/contender-process.ts'
import { measureIdleCost, type IdleCost } from '../measure/idle-cost.ts'

export const plainConsumerId = 'plain-consumer'
/** As kafka-console-consumer.sh sets it. */
export const plainConsumerHeap = '-Xmx512M'

const recordsMsMax = 900_000

export type ProcessCost = Pick<IdleCost, 'idleCpuPercent' | 'residentMegabytes'>

export class PlainConsumer {
  readonly #process: ContenderProcess

  private constructor (process: ContenderProcess) {
    this.#process = process
  }

  static async start (
    cleanUp: CleanUp, bootstrapServers: string, topics: string
  ): Promise<PlainConsumer> {
    const folder = createTempFolder('plain-consumer')
    const { classPath } = await ensureJars()
    const process = startProcess(folder, javaProgram(), javaArguments({
      classPath,
      className: 'org.apache.kafka.tools.consumer.ConsoleConsumer',
      args: ['--bootstrap-server', bootstrapServers, '--include', topics, '--from-beginning',
        '--consumer-property', `client.id=${plainConsumerId}`],
      flags: [plainConsumerHeap, '-Dlonghaul.log.level=ERROR']
    }))
    cleanUp.after(async () => {
      await process.stop()
      removeFolder(folder)
    })
    return new PlainConsumer(process)
  }

  async untilRecords (count: number, intervalMs: number): Promise<void> {
    await eventually(`${count} records at the plain consumer`, () => {
      if (this.#process.hasExited()) throw new Error(this.#process.outputTail())
      return this.#process.output().split('\n').length > count
    }, { timeoutMs: recordsMsMax, intervalMs })
  }

  async measure (seconds: number): Promise<ProcessCost> {
    const { idleCpuPercent, residentMegabytes } =
      await measureIdleCost(this.#process.pid, seconds)
    return { idleCpuPercent, residentMegabytes }
  }
}
