// A line for IP packets between this machine and a new network namespace: tun_line.c, started,
// set and stopped.

import { spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { createInterface } from 'node:readline'
import { spawnGuarded, stopChild } from '../../test/kafka/process-guard.ts'
import { compileProgram } from '../measure/c-program.ts'

export interface TunSettings {
  readonly roundTripMs: number
  /** Bytes a second in each direction, of whole packets; 0: no limit. */
  readonly rate: number
  readonly lossPercent: number
  readonly seed: number
  /** Congestion control of new connections, at both ends; by default that of this machine. */
  readonly congestion?: string | undefined
}

/** Packets of both directions. */
export interface TunCounts {
  readonly carried: number
  readonly lost: number
  /** By the queue before the line. */
  readonly dropped: number
}

/** Networks of eight addresses in 198.18.0.0/15, which RFC 2544 reserves for measurements. */
const subnets = 16_384

/** At both ends. */
const device = `lh${process.pid}`

export class TunLine {
  readonly nearAddress: string
  /** Reached over the line. */
  readonly farAddress: string
  /** The same programs, beside the line. */
  readonly directAddress: string
  readonly #child: ChildProcess
  readonly #answers: AsyncIterator<string>

  private constructor (child: ChildProcess, answers: AsyncIterator<string>, subnet: number) {
    this.#child = child
    this.#answers = answers
    this.nearAddress = addressOf(subnet, 1)
    this.farAddress = addressOf(subnet, 2)
    this.directAddress = addressOf(subnet, 3)
  }

  /** The reason, as text, if this machine does not permit it. */
  static async open (): Promise<TunLine | string> {
    const program = await compileProgram({ source: 'perf/line/tun_line.c', name: 'tun_line' })
    const subnet = freeSubnet()
    const child = spawnGuarded(program,
      [device, ...[1, 2, 3].map(host => addressOf(subnet, host))],
      { stdio: ['pipe', 'pipe', 'pipe'] })
    if (child.stdout === null) throw new Error('the line has no output')
    let reason = ''
    child.stderr?.on('data', (text: Buffer) => { reason += text.toString() })
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const ended = once(child, 'close')
    const ready = await answers.next()
    if (ready.done !== true) return new TunLine(child, answers, subnet)
    await ended
    return 'a line over TUN needs Linux, root (CAP_NET_ADMIN and CAP_SYS_ADMIN) and ' +
      `/dev/net/tun: ${reason.trim()}`
  }

  /** A prefix of commands that run at the far end. */
  get farCommand (): readonly string[] {
    return ['nsenter', `--net=/proc/${this.#child.pid ?? 0}/ns/net`, '--']
  }

  /** Returns the counts since the settings before. */
  async set (settings: TunSettings): Promise<TunCounts> {
    const { congestion, lossPercent, rate, roundTripMs, seed } = settings
    const options = [`delay_us=${roundTripMs * 500}`, `rate=${rate}`,
      `loss_ppm=${Math.round(lossPercent * 10_000)}`, `seed=${seed}`]
    this.#route([], this.farAddress, congestion)
    this.#route(this.farCommand, this.nearAddress, congestion)
    this.#child.stdin?.write(`${options.join(' ')}\n`)
    const answer = await this.#answers.next()
    if (answer.done === true) throw new Error('the line over TUN has ended')
    const text = answer.value
    if (text.startsWith('error')) throw new Error(`the line over TUN: ${text.slice(6)}`)
    const [carried = 0, lost = 0, dropped = 0] = text.split(' ').map(Number)
    return { carried, lost, dropped }
  }

  async close (): Promise<void> {
    await stopChild(this.#child, 5_000)
  }

  /** A namespace may choose only some congestion controls as its default; a route may name any. */
  #route (prefix: readonly string[], to: string, congestion: string | undefined): void {
    const [command = '', ...args] = [...prefix, 'ip', 'route', 'replace', `${to}/32`, 'dev', device,
      ...congestion === undefined ? [] : ['congctl', congestion]]
    const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
    if (status === 0) return
    const reason = error?.message ?? stderr.trim()
    throw new Error(`the line over TUN: ${[command, ...args].join(' ')}: ${reason}`)
  }
}

function addressOf (subnet: number, host: number): string {
  const last = subnet * 8 + host
  return `198.${18 + (last >> 16)}.${last >> 8 & 255}.${last & 255}`
}

function freeSubnet (): number {
  const used = new Set(Object.values(networkInterfaces()).flat().map(each => each?.address))
  let subnet = process.pid % subnets
  while (used.has(addressOf(subnet, 1))) subnet = (subnet + 1) % subnets
  return subnet
}
