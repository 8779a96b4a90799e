// The limit no mirror can beat: a TCP relay that moves as many bytes once, without any protocol.

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { releasePorts, reservePorts } from '../../../test/kafka/ports.ts'
import { spawnGuarded, stopChild } from '../../../test/kafka/process-guard.ts'
import { repoRoot } from '../../../test/kafka/repo-root.ts'
import { startProcess } from '../contender-process.ts'
import type { Contender } from '../contender.ts'

const run = promisify(execFile)
const source = join(repoRoot(), 'perf/contenders/relay/relay.c')
const program = join(repoRoot(), 'build/relay')

export const relay: Contender = {
  name: 'relay',
  description: 'TCP relay: recv and send of 1 MiB, no protocol but TLS if there is; the limit',
  prepare: compile,
  async start (job) {
    const ports = await reservePorts(2)
    const [from, to] = ports.map(String) as [string, string]
    // The ends are brokers, so to say: they have the certificate.
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

/** Compiled when the source is newer than the program, and renamed into place when whole. */
async function compile (): Promise<void> {
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return
  mkdirSync(dirname(program), { recursive: true })
  const partial = `${program}.partial-${process.pid}`
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra']
  await run(process.env['CC'] ?? 'cc', [...flags, '-o', partial, source, '-lssl', '-lcrypto'])
  renameSync(partial, program)
}
