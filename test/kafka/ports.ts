// Ports for listeners that must be known before their server starts, as a KRaft voter's must.

import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive } from './process-guard.ts'

// Below Linux' range for outgoing connections (32768-60999): no client's connect() can use a port
// reserved here between the check and the server's bind, or while a broker is down.
const firstPort = 20_000
const portCount = 12_000
const attemptsMax = 500

const reserved = new Set<number>()
const folder = join(tmpdir(), `longhaul-test-ports-${process.getuid?.() ?? 0}`)

/** Reserves ports for this process until released or until the process ends. */
export async function reservePorts (
  count: number, from = firstPort + Math.floor(Math.random() * portCount)
): Promise<number[]> {
  mkdirSync(folder, { recursive: true })
  const ports: number[] = []
  let port = from
  for (let attempt = 0; attempt < attemptsMax && ports.length < count; attempt++) {
    port = firstPort + (port + 1 - firstPort) % portCount
    if (!tryReserve(port)) continue
    if (await isFree(port)) ports.push(port)
    else releasePorts([port])
  }
  if (ports.length < count) throw new Error(`found ${ports.length} of ${count} free ports`)
  return ports
}

export function releasePorts (ports: readonly number[]): void {
  for (const port of ports) {
    if (reserved.delete(port)) rmSync(join(folder, String(port)), { force: true })
  }
}

/**
 * One file for each port, created exclusively with its owner's pid, separates parallel test files.
 */
function tryReserve (port: number): boolean {
  const path = join(folder, String(port))
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = openSync(path, 'wx')
      writeSync(file, String(process.pid))
      closeSync(file)
      if (reserved.size === 0) process.once('exit', () => { releasePorts([...reserved]) })
      reserved.add(port)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if (!isAbandoned(path)) return false
      rmSync(path, { force: true })
    }
  }
  return false
}

function isAbandoned (path: string): boolean {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    // An empty file belongs to an owner that is about to write its pid.
    return pid > 0 && !isAlive(pid)
  } catch {
    return false
  }
}

async function isFree (port: number): Promise<boolean> {
  return await new Promise(resolve => {
    const server = createServer()
    server.once('error', () => { resolve(false) })
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => { resolve(true) })
    })
  })
}

/** Whether a process listens there. */
export async function accepts (port: number): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => { socket.destroy(); resolve(true) })
    socket.once('error', () => { resolve(false) })
  })
}
