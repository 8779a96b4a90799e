// The limit for every mirror: a TCP relay that moves the same bytes once, without any protocol.

import { releasePorts, reservePorts } from '../../../test/kafka/ports.ts'
import { spawnGuarded, stopChild } from '../../../test/kafka/process-guard.ts'
import { compileProgram } from '../../measure/c-program.ts'
import { startProcess } from '../contender-process.ts'
import type { Contender } from '../contender.ts'

const compile = async (): Promise<string> => await compileProgram({
  source: 'perf/contenders/relay/relay.c', name: 'relay', libraries: ['ssl', 'crypto']
})

export const relay: Contender = {
  name: 'relay',
  description: 'TCP relay: recv and send of 1 MiB, no protocol but TLS if there is; the limit',
  prepare: async () => { await compile() },
  async start (job) {
    const program = await compile()
    const ports = await reservePorts(2)
    const [from, to] = ports.map(String) as [string, string]
    // The two ends represent brokers: they have the certificate.
    const [end, trust] = ['broker.pem', 'ca.pem'].map(file =>
      job.tls === undefined ? [] : [job.tls.certificates.path(file)]) as [string[], string[]]
    const bytes = String(job.bytes)
    const sender = spawnGuarded(program, ['source', from, bytes, ...end], { stdio: 'inherit' })
    const receiver = spawnGuarded(program, ['sink', to, ...end], { stdio: 'inherit' })
    const child = startProcess(job.folder, program, ['forward', from, to, bytes, ...trust])
    return {
      ...child,
      progress: async () => Number(child.output().trimEnd().split('\n').at(-1)) / job.bytes,
      stop: async () => {
        await child.stop()
        await stopChild(sender, 5_000)
        await stopChild(receiver, 5_000)
        releasePorts(ports)
      }
    }
  }
}
