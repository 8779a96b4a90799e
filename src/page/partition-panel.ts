// The partitions of the selected flow: the states with their numbers, the grid, the partition that
// the pointer or a key chose, and the list of partitions that need attention.
import type { Flow, Partition, PartitionPage, States } from './answers.ts'
import { failureText, flowPath, get } from './api.ts'
import { byId, button, element, LiveTable, setHidden, setText, stateBadge } from './elements.ts'
import { agoText, countText, dateText, msText, secondsText } from './format.ts'
import type { GridCell } from './grid-layout.ts'
import type { OrderKind, Scope } from './order-dialog.ts'
import { PartitionGrid } from './partition-grid.ts'
import type { Stopped } from './skip-field.ts'

type GiveOrder = (kind: OrderKind, flow: string, scope: Scope, stopped?: Stopped) => void

/** The states that need attention; their partitions are listed. */
const listedStates = ['faulted', 'waiting', 'paused', 'throttled']
const faultedOrders = [['retry', 'Retry'], ['skip', 'Skip']] as const
/** Of each state. */
export const listedMax = 200
/** Before a request for the partition under a pointer that moves. */
const restMs = 120

export class PartitionPanel {
  readonly #grid: PartitionGrid
  readonly #list = new LiveTable(byId('attention'),
    ['Partition', 'State', 'Since', 'Reason', 'Actions'])
  readonly #order: GiveOrder
  readonly #chips = new Map<string, HTMLButtonElement>()
  #flow = ''
  #emphasis = ''
  #listed: readonly Partition[] = []
  #asked = 0
  #shown: { readonly cell: GridCell, readonly isChosen: boolean } | undefined

  constructor (order: GiveOrder) {
    this.#order = order
    this.#grid = new PartitionGrid({
      scroller: byId('grid-scroller'),
      canvas: byId<HTMLCanvasElement>('grid'),
      extent: byId('grid-extent'),
      onCell: (cell, isChosen) => { this.#showCell(cell, isChosen) }
    })
    const filter = byId<HTMLInputElement>('grid-filter')
    filter.addEventListener('input', () => { this.#grid.filter(filter.value.trim()) })
  }

  /** Reads what it shows. Rejects if the process does not answer. */
  async refresh (flow: Flow): Promise<void> {
    if (flow.flow !== this.#flow) this.#showCell(undefined, true)
    this.#flow = flow.flow
    const path = flowPath(flow.flow)
    const wanted = listedStates.filter(state => (flow.partitionsByState[state] ?? 0) > 0)
    const [states, ...pages] = await Promise.all([
      get<States>(`${path}/states`, { processes: 'all' }),
      ...wanted.map(async state =>
        await get<PartitionPage>(`${path}/partitions`,
          { processes: 'all', state, limit: listedMax }))
    ])
    if (flow.flow !== this.#flow) return
    setText(byId('partitions-note'), sizeText(states))
    this.#showChips(flow.partitionsByState)
    this.#grid.show(states)
    this.#listed = pages.flatMap(({ partitions }) => partitions)
    this.#showList(pages.reduce((sum, { matching }) => sum + matching, 0))
    if (this.#shown !== undefined) await this.#showFacts(this.#shown)
  }

  move (topic: string, partition: number, state: string): void {
    this.#grid.move(topic, partition, state)
  }

  #showChips (counts: Readonly<Record<string, number>>): void {
    for (const [state, count] of Object.entries(counts)) {
      let chip = this.#chips.get(state)
      if (chip === undefined) {
        chip = button('', () => { this.#emphasize(state) }, {
          class: 'chip', 'data-state': state, 'aria-pressed': 'false'
        })
        this.#chips.set(state, chip)
        byId('chips').append(chip)
      }
      setHidden(chip, count === 0 && this.#emphasis !== state)
      setText(chip, `${state} ${countText(count)}`)
    }
    for (const [state, chip] of this.#chips) if (!(state in counts)) setHidden(chip, true)
  }

  #emphasize (state: string): void {
    this.#emphasis = this.#emphasis === state ? '' : state
    for (const [each, chip] of this.#chips) {
      chip.setAttribute('aria-pressed', String(each === this.#emphasis))
    }
    this.#grid.emphasize(this.#emphasis)
  }

  #showList (matching: number): void {
    const nowMs = Date.now()
    setHidden(byId('attention-none'), matching > 0)
    setHidden(byId('attention-scroller'), matching === 0)
    const left = matching - this.#listed.length
    setText(byId('attention-count'), matching === 0
      ? ''
      : `${countText(matching)}${left > 0 ? `, of which ${countText(left)} are not listed` : ''}`)
    this.#list.show(this.#listed.map(each => ({
      key: `${each.topic}-${each.partition}`,
      cells: [`${each.topic}-${each.partition}`, { state: each.state },
        agoText(each.sinceMs, nowMs), reasonOf(each)],
      actions: this.#actionsOf(each)
    })))
  }

  #actionsOf (
    of: Partition
  ): ReadonlyArray<{ text: string, label: string, run: () => void }> {
    const { partition, pause, state, topic } = of
    const kinds = state === 'faulted'
      ? [...faultedOrders, ['pause', 'Pause'] as const]
      : pause?.topic === topic && pause.partition === partition
        ? [['resume', 'Resume'] as const]
        : []
    return kinds.map(([kind, text]) => ({
      text,
      label: `${text} ${topic}-${partition}`,
      run: () => { this.#order(kind, this.#flow, { topic, partition }, of) }
    }))
  }

  #showCell (cell: GridCell | undefined, isChosen: boolean): void {
    const asked = ++this.#asked
    const shown = cell && { cell, isChosen }
    this.#shown = shown
    if (shown === undefined) {
      byId('grid-detail').replaceChildren(element('p', { class: 'hint' },
        'Point at a partition, or choose it with the arrow keys, to see its state.'))
      return
    }
    const { partition, topic } = shown.cell
    const known = this.#listed.find(each => each.topic === topic && each.partition === partition)
    byId('grid-detail').replaceChildren(headOf(shown.cell, shown.cell.state),
      ...known === undefined ? [] : this.#factsOf(known, isChosen))
    setTimeout(() => { if (asked === this.#asked) void this.#showFacts(shown) }, restMs)
  }

  async #showFacts (
    shown: { readonly cell: GridCell, readonly isChosen: boolean }
  ): Promise<void> {
    // A button that has the focus must not be replaced. It may get the focus before the answer.
    const isUsed = (): boolean => byId('grid-detail').contains(document.activeElement)
    if (isUsed()) return
    const asked = this.#asked
    const { cell: { partition, topic }, isChosen } = shown
    const page = await get<PartitionPage>(`${flowPath(this.#flow)}/partitions`, {
      processes: 'all', topic, limit: 1, ...partition > 0 && { after: `${topic}-${partition - 1}` }
    }).catch((thrown: unknown) => failureText(thrown))
    if (asked !== this.#asked || isUsed()) return
    const found = typeof page === 'string'
      ? undefined
      : page.partitions.find(each => each.partition === partition)
    byId('grid-detail').replaceChildren(
      headOf(shown.cell, found?.state ?? shown.cell.state),
      ...found === undefined
        ? [element('p', { class: 'hint' }, typeof page === 'string'
            ? page
            : 'No process that answers mirrors this partition now.')]
        : this.#factsOf(found, isChosen))
  }

  #factsOf (of: Partition, isChosen: boolean): readonly HTMLElement[] {
    const { partition, topic } = of
    const facts: ReadonlyArray<readonly [string, string]> = [
      ['reason', reasonOf(of)],
      ['since', of.sinceMs === null ? '' : dateText(of.sinceMs)],
      ['behind', `${countText(of.lagRecords)} records, ${secondsText(of.lagSeconds)}`],
      ['position', `${of.upstreamOffset} of ${of.highWatermark ?? 'unknown'}`],
      ['latency', of.latencyMeanMs === null ? '' : `${msText(of.latencyMeanMs)} on average`],
      ['remote topic', of.remoteTopic],
      ['process', of.process ?? '']
    ]
    const list = element('dl', {}, ...facts.filter(([, text]) => text !== '').flatMap(
      ([name, text]) => [element('dt', {}, name), element('dd', {}, text)]))
    if (!isChosen) return [list]
    const kinds: ReadonlyArray<readonly [OrderKind, string]> = of.pause?.partition === partition
      ? [['resume', 'Resume']]
      : [['pause', 'Pause'], ...of.state === 'faulted' ? faultedOrders : []]
    return [list, element('p', { class: 'buttons' }, ...kinds.map(([kind, text]) =>
      button(text, () => { this.#order(kind, this.#flow, { topic, partition }, of) },
        { 'aria-label': `${text} ${topic}-${partition}` })))]
  }
}

function sizeText ({ topics }: States): string {
  const count = topics.reduce((sum, { partitions }) => sum + partitions.length, 0)
  return `${countText(count)} of ${countText(topics.length)} topic${topics.length === 1 ? '' : 's'}`
}

function headOf ({ partition, topic }: GridCell, state: string): HTMLElement {
  return element('p', { class: 'detail-head' },
    element('strong', {}, `${topic}-${partition}`), ' ', stateBadge(state))
}

function reasonOf ({ error, pause, reason }: Partition): string {
  if (pause !== null) return `paused by ${pause.by}: ${pause.reason}`
  return reason ?? error ?? ''
}
