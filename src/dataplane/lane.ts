// The piscina task: one worker thread holds one Forwarder and passes messages between it and the
// main thread, until it receives close. Records never reach JavaScript.
import { setTimeout as sleep } from 'node:timers/promises'
import type { MessagePort } from 'node:worker_threads'
import { laneCounters } from './contract/contract-table.ts'
import {
  openForwarder, type Forwarder, type ForwarderConfig, type LaneBandwidth, type NativeEvents,
  type NativeStats, type PartitionAssignment, type ProducersAnswer, type Side
} from './index.ts'

/** For SASL OAUTHBEARER. */
export type Tokens = Readonly<Partial<Record<Side, string>>>

export interface LaneTask {
  readonly config: ForwarderConfig
  /** The tokens of the sides that log in with tokens and have one already. */
  readonly tokens: Tokens
  readonly port: MessagePort
}

export type LaneCommand =
  | { readonly kind: 'assign', readonly assignments: readonly PartitionAssignment[] }
  | { readonly kind: 'revoke', readonly ids: readonly number[] }
  | { readonly kind: 'producers', readonly answer: ProducersAnswer }
  | ({ readonly kind: 'bandwidth' } & LaneBandwidth)
  | { readonly kind: 'tokens', readonly tokens: Tokens }
  | { readonly kind: 'stats', readonly isWhole: boolean }
  | { readonly kind: 'close' }

export type LaneMessage =
  | { readonly kind: 'opened' }
  | { readonly kind: 'events', readonly events: NativeEvents }
  | { readonly kind: 'stats', readonly stats: NativeStats }
  /** The forwarder refused a command: an error in the program. */
  | {
    readonly kind: 'refused'
    readonly command: string
    readonly code: number
    readonly detail: string
  }

// There are thousands of acknowledgements a second, and the queue keeps only the newest progress:
// reading each one at once would cost more than forwarding the batches. States and log lines wait
// for a shorter time.
const urgentMs = 50
const progressMs = 250
// A broker answers the requests of one connection in order, so the request that closes a Fetch
// session waits for the Fetch before it, which an idle broker holds for fetch.max.wait.ms.
const sessionsMsMax = 600
const sessionsLookMs = 10
const leftSessions = Object.keys(laneCounters).indexOf('leftSessions')

/** Runs one lane; resolves when it is closed. Rejects with {code, detail} if it cannot open. */
export async function runLane ({ config, port, tokens }: LaneTask): Promise<void> {
  const tell = (message: LaneMessage): void => { port.postMessage(message) }
  let closed = false
  let taking: NodeJS.Timeout | undefined
  const takeEvents = (): void => {
    clearTimeout(taking)
    taking = undefined
    if (!closed) tell({ kind: 'events', events: forwarder.takeEvents() })
  }
  const forwarder = openForwarder(config, isUrgent => {
    clearTimeout(taking)
    taking = setTimeout(takeEvents, isUrgent ? urgentMs : progressMs)
  })
  const setTokens = (tokens: Tokens): void => {
    for (const side of ['source', 'target'] as const) {
      const token = tokens[side]
      if (token !== undefined) forwarder.setToken(side, token)
    }
  }
  setTokens(tokens)
  await new Promise<void>(resolve => {
    const obey = (command: LaneCommand): void => {
      switch (command.kind) {
        case 'assign': forwarder.assign(command.assignments); break
        case 'revoke': forwarder.revoke(command.ids); break
        case 'producers': forwarder.knowProducers(command.answer); break
        case 'bandwidth':
          forwarder.limitBandwidth(command.bytesPerSecond, command.topics)
          break
        case 'tokens': setTokens(command.tokens); break
        // Events go first, because statistics are compared with the progress before them.
        case 'stats':
          if (taking !== undefined) takeEvents()
          tell({ kind: 'stats', stats: forwarder.stats(command.isWhole) })
          break
        case 'close': resolve()
      }
    }
    port.on('message', (command: LaneCommand) => {
      try {
        obey(command)
      } catch (thrown) {
        const { code, detail } = thrown as { code: number, detail: string }
        tell({ kind: 'refused', command: command.kind, code, detail })
      }
    })
    // The main thread has closed the port and no longer uses the lane.
    port.on('close', resolve)
    tell({ kind: 'opened' })
  })
  closed = true
  await untilSessionsClosed(forwarder)
  await forwarder.close()
  port.close()
}

/** Waits until the Fetch sessions are closed of all brokers whose partitions are released. */
async function untilSessionsClosed (forwarder: Forwarder): Promise<void> {
  for (let looks = sessionsMsMax / sessionsLookMs; looks > 0; looks--) {
    if ((forwarder.stats(false).lane[leftSessions] ?? 0n) === 0n) return
    await sleep(sessionsLookMs)
  }
}
