// A network namespace with a link to it: listeners there are reached over a line that can be taken
// down. A proxy in user space cannot show what the kernel detects, because the kernel before the
// proxy acknowledges every byte; here nobody does.

import { spawnSync, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import {
  createTempFolder, isAlive, killChild, removeFolder, spawnGuarded
} from './process-guard.ts'

const prefix = 'longhaul-'
const relayProgram = join(import.meta.dirname, 'netns-relay.js')

/** One for each process; its name contains the pid, so that a later process can remove remains. */
export class NamespaceLink {
  /** The address of the near end, on this machine. */
  readonly nearAddress: string
  /** The address of the far end, where relays listen. */
  readonly farAddress: string
  readonly #name: string
  readonly #folder = createTempFolder('netns')
  readonly #relays: ChildProcess[] = []
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()

  private constructor (name: string, near: string, far: string) {
    this.#name = name
    this.nearAddress = near
    this.farAddress = far
  }

  /** The reason, as text, if this machine does not permit it. */
  static create (): NamespaceLink | string {
    removeAbandoned()
    const name = `${prefix}${process.pid}`
    // An interface's name has 15 characters at most.
    const [near, far] = [`lh${process.pid}n`, `lh${process.pid}f`]
    const link = new NamespaceLink(name, addressOf(1), addressOf(2))
    const commands = [
      `netns add ${name}`,
      `link add ${near} type veth peer name ${far} netns ${name}`,
      `addr add ${link.nearAddress}/30 dev ${near}`,
      `link set ${near} up`,
      `-n ${name} addr add ${link.farAddress}/30 dev ${far}`,
      `-n ${name} link set lo up`,
      `-n ${name} link set ${far} up`
    ]
    for (const command of commands) {
      const failure = tryIp(command)
      if (failure !== undefined) {
        link.#remove()
        return `no network namespaces here: ip ${command}: ${failure}`
      }
    }
    process.once('exit', () => { link.#remove() })
    return link
  }

  /** For programs that join the namespace. */
  get path (): string { return `/run/netns/${this.#name}` }

  /** Connections to the far end's port reach that port of this machine's 127.0.0.1. */
  async relay (port: number, targetPort: number): Promise<void> {
    const path = join(this.#folder, String(port))
    const server = createServer(socket => { this.#join(socket, targetPort) })
    await new Promise<void>(resolve => { server.listen(path, resolve) })
    this.#servers.push(server)
    const relay = spawnGuarded('ip', ['netns', 'exec', this.#name, process.execPath, relayProgram,
      this.farAddress, String(port), path], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#relays.push(relay)
    await new Promise<void>((resolve, reject) => {
      relay.stdout?.once('data', () => { resolve() })
      relay.once('exit', () => { reject(new Error(`the relay of port ${port} has ended`)) })
    })
  }

  /** The link goes down: sent bytes are neither answered nor refused. */
  down (): void {
    this.#mustIp(`-n ${this.#name} link set ${this.#farName} down`)
  }

  up (): void {
    this.#mustIp(`-n ${this.#name} link set ${this.#farName} up`)
  }

  /** The near ports of connections to the far end that are open for the kernel. */
  openPorts (): readonly number[] {
    const established = '01'
    const far = this.farAddress.split('.').toReversed()
      .map(byte => Number(byte).toString(16).padStart(2, '0')).join('').toUpperCase()
    return readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)
      .map(line => line.trim().split(/\s+/))
      .filter(([, , remote, state]) => remote?.startsWith(`${far}:`) && state === established)
      .map(([, local = '']) => Number.parseInt(local.slice(-4), 16))
  }

  async close (): Promise<void> {
    await Promise.all(this.#relays.map(async relay => { await killChild(relay) }))
    for (const socket of this.#sockets) socket.destroy()
    for (const server of this.#servers) server.close()
    this.#remove()
    removeFolder(this.#folder)
  }

  get #farName (): string { return `lh${process.pid}f` }

  #join (socket: Socket, targetPort: number): void {
    const broker = connect({ port: targetPort, host: '127.0.0.1' })
    for (const [from, to] of [[socket, broker], [broker, socket]] as const) {
      this.#sockets.add(from)
      from.on('error', () => { to.destroy() })
      from.once('close', () => { this.#sockets.delete(from) })
      from.pipe(to)
    }
  }

  /** The namespace is deleted with its end of the link, and the other end with that. */
  #remove (): void {
    tryIp(`netns del ${this.#name}`)
  }

  #mustIp (command: string): void {
    const failure = tryIp(command)
    if (failure !== undefined) throw new Error(`ip ${command}: ${failure}`)
  }
}

/** One of this process's four addresses of 10.0.0.0/8: pids have 22 bits. */
function addressOf (host: number): string {
  const { pid } = process
  return `10.${pid >> 14 & 255}.${pid >> 6 & 255}.${(pid & 63) * 4 + host}`
}

/** Undefined if the command succeeded. */
function tryIp (command: string): string | undefined {
  const { error, status, stderr } = spawnSync('ip', command.split(' '), { encoding: 'utf8' })
  if (error !== undefined) return error.message
  return status === 0 ? undefined : stderr.trim()
}

function removeAbandoned (): void {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' })
  for (const [name, pid] of (stdout ?? '').matchAll(/^longhaul-(\d+)\b/gm)) {
    if (!isAlive(Number(pid))) tryIp(`netns del ${name}`)
  }
}
