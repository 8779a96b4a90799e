// The selected flow: its state with reasons, its figures, its orders in force, and the buttons that
// concern all of it.
import type { Attribution, Flow, Throttle } from './answers.ts'
import { healthOf } from './cluster-map.ts'
import { byId, button, element, LiveTable, setHidden, setText } from './elements.ts'
import {
  agoText, bytesText, countText, dateText, msText, scopeText, secondsText, shortText
} from './format.ts'
import { isPaused, type OrderDialog, type Scope } from './order-dialog.ts'

const flowColumns = ['Flow', 'State', 'Throughput', 'Behind', 'Latency, 99 %', 'Partitions']

/** The table of all flows: the text alternative of the map, and the choice of the shown flow. */
export class FlowTable {
  readonly #table = new LiveTable(byId('flows'), [...flowColumns, 'Actions'], [2, 3, 4, 5])
  readonly #onSelect: (flow: string) => void

  constructor (onSelect: (flow: string) => void) { this.#onSelect = onSelect }

  show (flows: readonly Flow[], selected: string): void {
    this.#table.show(flows.map(flow => ({
      key: flow.flow,
      cells: [
        flow.flow === selected ? { strong: flow.flow } : flow.flow,
        { state: stateOf(flow) },
        `${bytesText(flow.bytesPerSecond)}/s`,
        behindOf(flow),
        msText(flow.recentLatencyP99Ms),
        countText(partitionsOf(flow))
      ],
      actions: flow.flow === selected
        ? []
        : [{ text: 'Show', label: `Show ${flow.flow}`, run: () => { this.#onSelect(flow.flow) } }]
    })))
  }
}

export class FlowPanel {
  readonly #dialog: OrderDialog
  readonly #orders = new LiveTable(byId('orders'),
    ['Order', 'Of', 'By', 'When', 'Reason', 'Actions'])
  readonly #buttons: Readonly<Record<'pause' | 'resume' | 'retry' | 'throttle', HTMLButtonElement>>
  #flow: Flow | undefined

  constructor (dialog: OrderDialog) {
    this.#dialog = dialog
    const open = (kind: keyof FlowPanel['buttons'], text: string): HTMLButtonElement =>
      button(text, () => { dialog.open(kind, this.#flow?.flow ?? '') })
    this.#buttons = {
      pause: open('pause', 'Pause flow…'),
      resume: open('resume', 'Resume flow…'),
      retry: open('retry', 'Retry faulted…'),
      throttle: open('throttle', 'Throttle…')
    }
    byId('flow-buttons').replaceChildren(...Object.values(this.#buttons))
  }

  get buttons (): Readonly<Record<'pause' | 'resume' | 'retry' | 'throttle', HTMLButtonElement>> {
    return this.#buttons
  }

  show (flow: Flow): void {
    this.#flow = flow
    const badge = byId('flow-state')
    setText(byId('flow-name'), flow.flow)
    setText(badge, stateOf(flow))
    badge.setAttribute('data-state', stateOf(flow))
    const isWhole = isPaused(flow.orders, {})
    setHidden(this.#buttons.pause, isWhole)
    setHidden(this.#buttons.resume, !isWhole)
    setHidden(this.#buttons.retry, (flow.partitionsByState['faulted'] ?? 0) === 0)
    setHidden(this.#buttons.throttle, !this.#dialog.has('throttle'))
    this.#showReasons(flow)
    setText(byId('figure-throughput'), `${bytesText(flow.bytesPerSecond)}/s`)
    setText(byId('note-throughput'), `${shortText(flow.recordsPerSecond)} records/s`)
    setText(byId('figure-lag'), countText(flow.lagRecords))
    setText(byId('note-lag'), 'records behind')
    setText(byId('figure-lag-time'), secondsText(flow.lagSecondsMax))
    setText(byId('note-lag-time'), 'the partition furthest behind')
    setText(byId('figure-latency'), msText(flow.recentLatencyP99Ms))
    const half = msText(flow.recentLatencyP50Ms)
    setText(byId('note-latency'), `99 % of the last records; half in ${half}`)
    this.#showFacts(flow)
    this.#showOrders(flow)
  }

  #showReasons (flow: Flow): void {
    const reasons = [
      ...flow.reason === null ? [] : [flow.reason],
      ...flow.notReady.map(({ text }) => text),
      ...flow.silent.map(({ address, process, reason }) => process +
        `${address === '' ? '' : ` at ${address}`} does not answer, so its partitions, figures ` +
        `and duties are missing here: ${reason}`),
      ...flow.topicProblems.map(({ reason, topic }) => `${topic}: ${reason}`)
    ]
    const list = byId('flow-reasons')
    const shown = [...list.children].map(each => each.textContent)
    if (JSON.stringify(shown) === JSON.stringify(reasons)) return
    list.replaceChildren(...reasons.map(text => element('li', {}, text)))
  }

  #showFacts (flow: Flow): void {
    const passed = flow.batches === 0
      ? '–'
      : `${(flow.batchesPassedThrough / flow.batches * 100).toFixed(1)} %`
    const facts = [
      ...flow.slots === null ? [] : [`${flow.slots.owned} of ${flow.slots.total} task slots`],
      `${shortText(flow.records)} records since the start`,
      `${passed} of batches passed through`,
      ...flow.recordsSkipped > 0 ? [`${countText(flow.recordsSkipped)} records skipped`] : []
    ]
    setText(byId('flow-facts'), facts.join(' · '))
  }

  #showOrders ({ flow, orders }: Flow): void {
    const nowMs = Date.now()
    const row = (order: string, scope: Scope, { atMs, by, reason }: Attribution): {
      key: string, cells: string[], actions: []
    } => ({
      actions: [],
      key: `${order} ${scopeText(scope)}`,
      cells: [order, scopeText(scope), by, `${agoText(atMs, nowMs)}, ${dateText(atMs)}`, reason]
    })
    const rows = orders === null
      ? []
      : [
          ...orders.pauses.map(each => {
            const scope = {
              ...each.topic !== null && { topic: each.topic },
              ...each.partition !== null && { partition: each.partition }
            }
            return {
              ...row('pause', scope, each),
              actions: [{
                text: 'Resume',
                label: `Resume ${scopeText(scope)}`,
                run: () => { this.#dialog.open('resume', flow, scope) }
              }]
            }
          }),
          ...orders.throttle === null
            ? []
            : [row(limitOf(orders.throttle), {}, orders.throttle)],
          ...orders.shares.map(each => ({
            ...row(`at most ${each.percent} % of the bandwidth`, { topic: each.topic }, each),
            actions: [{
              text: 'Share…',
              label: `Change the share of ${each.topic}`,
              run: () => { this.#dialog.open('share', flow, { topic: each.topic }) }
            }]
          })),
          ...orders.skips.map(each => row(`skip to ${each.to}`, each, each)),
          ...orders.logLevel === null
            ? []
            : [row(`log level ${orders.logLevel.level}`, {}, orders.logLevel)]
        ]
    setHidden(byId('orders-none'), rows.length > 0)
    setHidden(byId('orders-scroller'), rows.length === 0)
    this.#orders.show(rows)
  }
}

function limitOf ({ bytesPerSecond }: Throttle): string {
  if (bytesPerSecond === 0) return 'no limit of the bandwidth'
  return `at most ${bytesText(bytesPerSecond)}/s`
}

/** `running` would hide that no record flows. */
function stateOf (flow: Flow): string {
  if (flow.state !== 'running') return flow.state
  const health = healthOf(flow)
  if (isPaused(flow.orders, {})) return 'paused'
  if (health === 'ok' && flow.throttle?.isWaiting === true) return 'throttled'
  return health === 'ok' ? 'running' : health === 'impaired' ? 'impaired' : 'not ready'
}

function partitionsOf ({ partitionsByState }: Flow): number {
  return Object.values(partitionsByState).reduce((sum, count) => sum + count, 0)
}

function behindOf ({ lagRecords, lagSecondsMax }: Flow): string {
  return lagSecondsMax === null
    ? shortText(lagRecords)
    : `${shortText(lagRecords)}, ${secondsText(lagSecondsMax)}`
}
