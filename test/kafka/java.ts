// Runs classes of the Kafka jars in a JVM: the common flags, and tools that end by themselves.

import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { javaProgram as javaProgramOf } from '../../src/demo/java-process.ts'
import { patienceMs } from './eventually.ts'
import { spawnGuarded, stopChild } from './process-guard.ts'
import { repoRoot } from './repo-root.ts'

export interface JavaClass {
  readonly classPath: string
  readonly className: string
  readonly args: readonly string[]
  readonly flags?: readonly string[]
}

export interface JavaResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export function javaProgram (): string { return javaProgramOf(process.env) }

/** Flags that make a short JVM run faster: only the first compiler, no GC threads. */
export const quickStartFlags: readonly string[] = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']

export function javaArguments ({ classPath, className, args, flags = [] }: JavaClass): string[] {
  return [
    ...flags,
    '-Djava.net.preferIPv4Stack=true',
    `-Dlog4j2.configurationFile=${join(repoRoot(), 'test/kafka/log4j2.properties')}`,
    `-Dlog4j.configuration=file:${join(repoRoot(), 'test/kafka/log4j.properties')}`,
    '-cp', classPath, className, ...args
  ]
}

/** Runs a class until it exits. The caller judges a status other than 0; a time-out throws. */
export async function runJava (
  java: JavaClass, { timeoutMs = patienceMs, input }: { timeoutMs?: number, input?: string } = {}
): Promise<JavaResult> {
  const child = spawnGuarded(javaProgram(), javaArguments(java), { stdio: 'pipe' })
  let timedOut = false
  const timer = setTimeout(() => { timedOut = true; void stopChild(child, 2_000) }, timeoutMs)
  try {
    // A program that ends before it has read all fails this pipe; its status and texts say why.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input ?? '')
    const result = await collect(child)
    if (timedOut) throw new Error(`${java.className} ran over ${timeoutMs} ms: ${result.stderr}`)
    return result
  } finally {
    clearTimeout(timer)
  }
}

/** As runJava, but a status other than 0 throws with what the tool printed. */
export async function mustRunJava (
  java: JavaClass, options: { timeoutMs?: number, input?: string } = {}
): Promise<string> {
  const { status, stdout, stderr } = await runJava(java, options)
  if (status === 0) return stdout
  throw new Error(`${java.className} ended with ${status}: ${stdout}${stderr}`)
}

async function collect (child: ChildProcess): Promise<JavaResult> {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return {
    status,
    stdout: Buffer.concat(stdout).toString('utf8'),
    stderr: Buffer.concat(stderr).toString('utf8')
  }
}
