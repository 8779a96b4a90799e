// The limits for every mirror: a TCP relay that moves the same bytes once, without any protocol,
// between ends that cost nothing, or between ends that read and write as brokers do.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { releasePorts, reservePorts } from '../../../test/kafka/ports.ts'
import { spawnGuarded, stopChild } from '../../../test/kafka/process-guard.ts'
import { compileProgram } from '../../measure/c-program.ts'
import { startProcess } from '../contender-process.ts'
import type { Contender, MirrorJob } from '../contender.ts'

const MiB = 1024 * 1024

const compile = async (): Promise<string> => await compileProgram({
  source: 'perf/contenders/relay/relay.c', name: 'relay', libraries: ['ssl', 'crypto']
})

interface RelayEnds {
  readonly name: string
  readonly description: string
  /** The arguments of both ends after their ports. */
  readonly source: (job: MirrorJob) => readonly [what: string, ...values: string[]]
  readonly sink: string
  /** What the relay reads and writes at a time. */
  readonly pieceBytes: (job: MirrorJob) => number
}

function relayBetween ({ description, name, pieceBytes, sink, source }: RelayEnds): Contender {
  return {
    name,
    description,
    prepare: async () => { await compile() },
    async start (job) {
      const program = await compile()
      const ports = await reservePorts(2)
      const [from, to] = ports.map(String) as [string, string]
      // The two ends represent brokers: they have the certificate.
      const [end, trust] = ['broker.pem', 'ca.pem'].map(file =>
        job.tls === undefined ? [] : [job.tls.certificates.path(file)]) as [string[], string[]]
      const [what, ...values] = source(job)
      const sender = spawnGuarded(program, [what, from, ...values, ...end], { stdio: 'inherit' })
      const receiver = spawnGuarded(program, [sink, to, ...end], { stdio: 'inherit' })
      const child = startProcess(job.folder, program,
        ['forward', from, to, String(job.bytes), String(pieceBytes(job)), ...trust])
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
}

export const relay = relayBetween({
  name: 'relay',
  description: 'TCP relay: recv and send of 1 MiB, no protocol but TLS if there is; the limit',
  source: job => ['source', String(job.bytes), String(MiB)],
  sink: 'sink',
  pieceBytes: () => MiB
})

export const relayOfBatches = relayBetween({
  name: 'relay-of-batches',
  description: 'the same relay, which reads and writes the mean size of a batch at a time',
  source: job => ['source', String(job.bytes), String(batchBytesOf(job))],
  sink: 'sink',
  pieceBytes: batchBytesOf
})

export const relayOfBrokers = relayBetween({
  name: 'relay-of-brokers',
  description: 'the same relay from a segment of the source, which the page cache does not hold, ' +
    'by sendfile; send and receive buffers of 100 KiB as of brokers',
  source: job => ['broker', String(job.bytes), segmentOf(job)],
  sink: 'broker-sink',
  pieceBytes: () => MiB
})

function batchBytesOf ({ batches, bytes }: MirrorJob): number {
  if (batches === undefined) throw new Error('relay-of-batches runs in loopback only')
  return Math.min(Math.ceil(bytes / batches), MiB)
}

function segmentOf ({ source, topic }: MirrorJob): string {
  const [broker] = source.brokers
  if (broker === undefined) throw new Error('a cluster without brokers')
  const folder = join(broker.logDir, `${topic}-0`)
  const segment = readdirSync(folder).find(file => file.endsWith('.log'))
  if (segment === undefined) throw new Error(`no segment in ${folder}`)
  return join(folder, segment)
}
