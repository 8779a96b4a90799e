// The map: clusters as boxes, flows as arrows between them. The table of flows shows the same as
// text.
import type { Flow } from './answers.ts'
import { shortText } from './format.ts'

export type FlowHealth = 'ok' | 'impaired' | 'faulted'

export function healthOf ({ isReady, partitionsByState, state }: Flow): FlowHealth {
  if (state === 'faulted' || !isReady) return 'faulted'
  return (partitionsByState['faulted'] ?? 0) > 0 ? 'impaired' : 'ok'
}

const space = 'http://www.w3.org/2000/svg'
const [boxWidth, boxHeight, columnWidth, rowHeight] = [150, 52, 330, 92]

const nowhere = { x: 0, y: 0 }

interface Place { readonly x: number, readonly y: number }

export class ClusterMap {
  readonly #svg: SVGSVGElement
  readonly #onSelect: (flow: string) => void
  #shown = ''

  constructor (svg: SVGSVGElement, onSelect: (flow: string) => void) {
    this.#svg = svg
    this.#onSelect = onSelect
  }

  show (flows: readonly Flow[], selected: string): void {
    const shown = JSON.stringify([selected, flows.map(each =>
      [each.flow, healthOf(each), shortText(each.recordsPerSecond), healthsOf(each)])])
    if (shown === this.#shown) return
    this.#shown = shown
    const places = placesOf(flows)
    // An arrow that passes boxes in between bends upwards.
    const top = Math.min(0, ...flows.map(({ source, target }) =>
      curve(places.get(source) ?? nowhere, places.get(target) ?? nowhere).label.y - 20))
    const width = Math.max(...[...places.values()].map(({ x }) => x)) + boxWidth / 2 + 12
    const height = Math.max(...[...places.values()].map(({ y }) => y)) + boxHeight / 2 + 30
    this.#svg.setAttribute('viewBox', `0 ${top} ${width} ${height - top}`)
    this.#svg.style.maxWidth = `${width}px`
    this.#svg.replaceChildren(
      ...flows.map(flow => this.#arrow(flow, places, flow.flow === selected)),
      ...[...places].map(([cluster, place]) => box(cluster, place, errorOf(cluster, flows))),
      // After all arrows: an arrow of another flow must not cross out a label.
      ...flows.map(flow => this.#label(flow, places, flow.flow === selected)))
  }

  #arrow (flow: Flow, places: ReadonlyMap<string, Place>, isSelected: boolean): SVGElement {
    const from = places.get(flow.source) ?? nowhere
    const to = places.get(flow.target) ?? nowhere
    const group = draw('g', {
      class: `arrow${isSelected ? ' selected' : ''}`, 'data-health': healthOf(flow)
    })
    const { head, path } = curve(from, to)
    const title = draw('title', {})
    title.textContent = flow.flow
    group.append(title, draw('path', { class: 'reach', d: path }), draw('path', { d: path }),
      draw('path', { class: 'head', d: head }))
    group.addEventListener('click', () => { this.#onSelect(flow.flow) })
    return group
  }

  #label (flow: Flow, places: ReadonlyMap<string, Place>, isSelected: boolean): SVGElement {
    const { label: { x, y } } =
      curve(places.get(flow.source) ?? nowhere, places.get(flow.target) ?? nowhere)
    const text = draw('text', {
      class: `rate${isSelected ? ' selected' : ''}`, x: String(x), y: String(y),
      'text-anchor': 'middle'
    })
    text.textContent = `${shortText(flow.recordsPerSecond)} rec/s`
    text.addEventListener('click', () => { this.#onSelect(flow.flow) })
    return text
  }
}

function healthsOf ({ clusters }: Flow): string {
  return `${clusters?.source.error ?? ''}|${clusters?.target.error ?? ''}`
}

/** Why a cluster does not answer, as its flows know it. */
function errorOf (cluster: string, flows: readonly Flow[]): string | undefined {
  return flows.flatMap(({ clusters, source, target }) => [
    ...source === cluster ? [clusters?.source.error] : [],
    ...target === cluster ? [clusters?.target.error] : []
  ]).find(error => error !== null && error !== undefined) ?? undefined
}

/**
 * Clusters that are only sources are on the left, those that are only targets on the right, and
 * those that are both are in between, in two columns: no arrow joins two boxes of one column unless
 * three clusters mirror each other.
 */
function placesOf (flows: readonly Flow[]): ReadonlyMap<string, Place> {
  const sources = new Set(flows.map(({ source }) => source))
  const targets = new Set(flows.map(({ target }) => target))
  const all = [...new Set([...sources, ...targets])].sort()
  const both = all.filter(each => sources.has(each) && targets.has(each))
  const columns = [
    all.filter(each => !targets.has(each)),
    both.filter((_, i) => i % 2 === 0),
    both.filter((_, i) => i % 2 === 1),
    all.filter(each => !sources.has(each))
  ].filter(column => column.length > 0)
  const rows = Math.max(...columns.map(column => column.length))
  return new Map(columns.flatMap((column, i) => column.map((cluster, j): [string, Place] => [
    cluster, {
      x: boxWidth / 2 + 12 + i * columnWidth,
      y: boxHeight / 2 + 30 + (j + (rows - column.length) / 2) * rowHeight
    }
  ])))
}

function box (cluster: string, { x, y }: Place, error: string | undefined): SVGElement {
  const group = draw('g', { class: `cluster${error === undefined ? '' : ' silent'}` })
  const name = draw('text', {
    x: String(x), y: String(error === undefined ? y + 5 : y - 3), 'text-anchor': 'middle'
  })
  name.textContent = cluster.length > 18 ? `${cluster.slice(0, 17)}…` : cluster
  const title = draw('title', {})
  title.textContent = error === undefined ? cluster : `${cluster}: ${error}`
  group.append(title, draw('rect', {
    x: String(x - boxWidth / 2), y: String(y - boxHeight / 2),
    width: String(boxWidth), height: String(boxHeight), rx: '10'
  }), name)
  if (error !== undefined) {
    const why = draw('text', {
      class: 'why', x: String(x), y: String(y + 15), 'text-anchor': 'middle'
    })
    why.textContent = 'does not answer'
    group.append(why)
  }
  return group
}

/** Bends to its left, so that the flows of two clusters that mirror each other are apart. */
function curve (
  from: Place, to: Place
): { readonly path: string, readonly head: string, readonly label: Place } {
  const [dx, dy] = [to.x - from.x, to.y - from.y]
  const length = Math.hypot(dx, dy) || 1
  const [nx, ny] = [dy / length, -dx / length]
  const isSteep = Math.abs(dx) < boxWidth
  const edge = isSteep ? boxHeight / 2 + 4 : boxWidth / 2 + 4
  const [ux, uy] = isSteep ? [0, Math.sign(dy)] : [Math.sign(dx), 0]
  const start = { x: from.x + ux * edge + nx * 8, y: from.y + uy * edge + ny * 8 }
  const end = { x: to.x - ux * (edge + 7) + nx * 8, y: to.y - uy * (edge + 7) + ny * 8 }
  // Far enough to pass the boxes of a column in between.
  const reach = length > columnWidth * 1.4 && Math.abs(dy) < rowHeight / 2 ? 150 : 26
  const bend = { x: (start.x + end.x) / 2 + nx * reach, y: (start.y + end.y) / 2 + ny * reach }
  const angle = Math.atan2(end.y - bend.y, end.x - bend.x)
  const corner = (turn: number, reach: number): string =>
    `${end.x + Math.cos(angle + turn) * reach} ${end.y + Math.sin(angle + turn) * reach}`
  return {
    path: `M ${start.x} ${start.y} Q ${bend.x} ${bend.y} ${end.x} ${end.y}`,
    head: `M ${corner(0, 7)} L ${corner(2.3, 7)} L ${corner(-2.3, 7)} Z`,
    label: {
      x: (start.x + end.x + nx * reach) / 2 + nx * 10,
      y: (start.y + end.y + ny * reach) / 2 + ny * 10 + (ny > 0 ? 8 : 0)
    }
  }
}

function draw (name: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const made = document.createElementNS(space, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}
