// System calls of a process and of the threads it starts, counted by perf of Linux. Only where
// perf is installed and the user may use it; elsewhere the figure is missing.

import { once } from 'node:events'
import { spawnGuarded, waitForExit } from '../../test/kafka/process-guard.ts'

export interface SyscallCount {
  /** Ends the count and returns it; undefined if perf could not count. */
  stop: () => Promise<number | undefined>
}

const event = 'raw_syscalls:sys_enter'
const stopMsMax = 5_000

export function countSyscalls (pid: number): SyscallCount {
  const perf = spawnGuarded('perf', ['stat', '--field-separator', ',', '--event', event,
    '--pid', String(pid)], { stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  perf.stderr?.setEncoding('utf8').on('data', (text: string) => { output += text })
  const failed = once(perf, 'error')
  return {
    async stop () {
      perf.kill('SIGINT')
      await Promise.race([waitForExit(perf, stopMsMax), failed])
      return parseSyscallCount(output)
    }
  }
}

/** Of a line such as `1234,,raw_syscalls:sys_enter,5678,100.00,,`, pure. */
export function parseSyscallCount (output: string): number | undefined {
  const line = output.split('\n').find(each => each.includes(event))
  const count = Number(line?.split(',')[0] ?? NaN)
  return Number.isInteger(count) ? count : undefined
}
