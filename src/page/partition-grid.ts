// The grid of partitions on one canvas: a cell for each partition, coloured and marked by its
// state. One listener finds the cell under the pointer, and arrow keys move the chosen cell.
import type { States } from './answers.ts'
import {
  cellAt, cellSize, labelWidth, layOut, lineHeight, lineOf, moved, type GridCell, type GridLayout
} from './grid-layout.ts'

export interface GridOptions {
  /** Scrolls; contains `canvas` and `extent`. */
  readonly scroller: HTMLElement
  readonly canvas: HTMLCanvasElement
  /** As high as all lines, so that the scroller has something to scroll. */
  readonly extent: HTMLElement
  /** Undefined: the pointer left the grid. `isChosen`: by click or key, so the choice stays. */
  readonly onCell: (cell: GridCell | undefined, isChosen: boolean) => void
}

const nothing: States = { flow: '', names: [], topics: [] }
const gapPx = 2
const shownPxMin = 120
const shownPxMax = 320

export class PartitionGrid {
  readonly #options: GridOptions
  #states: States = nothing
  #layout: GridLayout = layOut(nothing, 0, () => true)
  #filter = ''
  /** '': no state is emphasized. */
  #emphasis = ''
  #hovered: number | undefined
  #chosen: number | undefined
  #isDue = false
  #colors = new Map<string, string>()

  constructor (options: GridOptions) {
    this.#options = options
    const { canvas, scroller } = options
    scroller.addEventListener('scroll', () => { this.#draw() }, { passive: true })
    new ResizeObserver(() => { this.#arrange() }).observe(scroller)
    canvas.addEventListener('pointermove', event => { this.#hover(this.#cellOf(event)) })
    canvas.addEventListener('pointerleave', () => { this.#hover(undefined) })
    canvas.addEventListener('click', event => { this.#choose(this.#cellOf(event)) })
    canvas.addEventListener('keydown', event => { this.#onKey(event) })
    canvas.addEventListener('focus', () => { if (this.#chosen === undefined) this.#choose(0) })
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', () => {
      this.#colors.clear()
      this.#draw()
    })
  }

  show (states: States): void {
    this.#states = states
    this.#arrange()
  }

  /** A move that became known before the next poll. */
  move (topic: string, partition: number, state: string): void {
    const cell = this.#layout.cells[this.#layout.places.get(`${topic}-${partition}`) ?? -1]
    if (cell === undefined) return
    cell.state = state
    this.#draw()
  }

  filter (text: string): void {
    this.#filter = text.toLowerCase()
    this.#arrange()
  }

  emphasize (state: string): void {
    this.#emphasis = state
    this.#draw()
  }

  #arrange (): void {
    const chosen = this.#keyOf(this.#chosen)
    const { extent, scroller } = this.#options
    this.#layout = layOut(this.#states, scroller.clientWidth,
      topic => topic.toLowerCase().includes(this.#filter))
    this.#hovered = undefined
    this.#chosen = this.#layout.places.get(chosen)
    const wholePx = this.#layout.lines.length * lineHeight
    const shownPx = Math.min(shownPxMax, Math.max(shownPxMin, wholePx))
    scroller.style.height = `${shownPx}px`
    // The canvas stays in view, in front of the extent.
    extent.style.marginTop = `${-shownPx}px`
    extent.style.height = `${wholePx}px`
    this.#draw()
  }

  #keyOf (index: number | undefined): string {
    const cell = this.#layout.cells[index ?? -1]
    return cell === undefined ? '' : `${cell.topic}-${cell.partition}`
  }

  #cellOf (event: MouseEvent): number | undefined {
    return cellAt(this.#layout, event.offsetX, event.offsetY + this.#options.scroller.scrollTop)
  }

  #hover (index: number | undefined): void {
    if (index === this.#hovered) return
    this.#hovered = index
    const shown = index ?? this.#chosen
    this.#options.onCell(this.#layout.cells[shown ?? -1], index === undefined)
    this.#draw()
  }

  #choose (index: number | undefined): void {
    this.#chosen = index
    this.#options.onCell(this.#layout.cells[index ?? -1], true)
    this.#draw()
  }

  #onKey (event: KeyboardEvent): void {
    if (this.#layout.cells.length === 0 || event.ctrlKey || event.altKey || event.metaKey) return
    if (event.key === 'Escape') {
      this.#choose(undefined)
      return
    }
    const next = moved(this.#layout, this.#chosen ?? 0, event.key)
    if (next === undefined) return
    event.preventDefault()
    const { scroller } = this.#options
    const top = lineOf(this.#layout, next) * lineHeight
    if (top < scroller.scrollTop) scroller.scrollTop = top
    const bottom = top + lineHeight - scroller.clientHeight
    if (bottom > scroller.scrollTop) scroller.scrollTop = bottom
    this.#choose(next)
  }

  /** Once a frame at most. */
  #draw (): void {
    if (this.#isDue) return
    this.#isDue = true
    requestAnimationFrame(() => {
      this.#isDue = false
      this.#drawNow()
    })
  }

  #drawNow (): void {
    const { canvas, scroller } = this.#options
    const [width, height] = [scroller.clientWidth, scroller.clientHeight]
    const scale = devicePixelRatio
    const [pixelsX, pixelsY] = [Math.round(width * scale), Math.round(height * scale)]
    if (canvas.width !== pixelsX || canvas.height !== pixelsY) {
      canvas.width = pixelsX
      canvas.height = pixelsY
      canvas.style.width = `${width}px`
      canvas.style.height = `${height}px`
    }
    const pen = canvas.getContext('2d')
    if (pen === null) return
    pen.setTransform(scale, 0, 0, scale, 0, 0)
    pen.clearRect(0, 0, width, height)
    pen.font = '12px system-ui, sans-serif'
    pen.textBaseline = 'middle'
    const first = Math.floor(scroller.scrollTop / lineHeight)
    const last = Math.min(this.#layout.lines.length - 1,
      Math.ceil((scroller.scrollTop + height) / lineHeight))
    for (let line = first; line <= last; line++) {
      this.#drawLine(pen, line, line * lineHeight - scroller.scrollTop)
    }
  }

  #drawLine (pen: CanvasRenderingContext2D, at: number, y: number): void {
    const line = this.#layout.lines[at]
    if (line === undefined) return
    if (line.isFirst) {
      pen.fillStyle = this.#color('text-2')
      pen.fillText(fitted(pen, line.topic, labelWidth - 14), 0, y + lineHeight / 2)
    }
    for (let index = line.from; index < line.to; index++) {
      const state = this.#layout.cells[index]?.state ?? ''
      const x = labelWidth + (index - line.from) * cellSize
      const top = y + (lineHeight - cellSize) / 2
      const isDimmed = this.#emphasis !== '' && this.#emphasis !== state
      pen.globalAlpha = isDimmed ? 0.15 : 1
      this.#drawCell(pen, state, x, top)
      pen.globalAlpha = 1
      if (index === this.#chosen || index === this.#hovered) {
        pen.strokeStyle = this.#color('text')
        pen.lineWidth = 2
        pen.strokeRect(x, top, cellSize - gapPx + 1, cellSize - gapPx + 1)
      }
    }
  }

  /** The marks tell states apart without colours. */
  #drawCell (pen: CanvasRenderingContext2D, state: string, x: number, y: number): void {
    const size = cellSize - gapPx
    pen.fillStyle = this.#color(`state-${state}`)
    pen.fillRect(x + 0.5, y + 0.5, size, size)
    pen.strokeStyle = this.#color('on-state')
    pen.lineWidth = 1.6
    pen.beginPath()
    const [left, right, top, bottom] = [x + 3.5, x + size - 2.5, y + 3.5, y + size - 2.5]
    switch (state) {
      case 'faulted':
        pen.moveTo(left, top)
        pen.lineTo(right, bottom)
        pen.moveTo(right, top)
        pen.lineTo(left, bottom)
        break
      case 'paused':
        pen.moveTo(left + 1, top)
        pen.lineTo(left + 1, bottom)
        pen.moveTo(right - 1, top)
        pen.lineTo(right - 1, bottom)
        break
      case 'waiting':
      case 'throttled':
        pen.moveTo(left, (top + bottom) / 2)
        pen.lineTo(right, (top + bottom) / 2)
        break
    }
    pen.stroke()
  }

  #color (name: string): string {
    const known = this.#colors.get(name)
    if (known !== undefined) return known
    const style = getComputedStyle(this.#options.canvas)
    const color = style.getPropertyValue(`--${name}`) || style.getPropertyValue('--state-unknown')
    this.#colors.set(name, color)
    return color
  }
}

function fitted (pen: CanvasRenderingContext2D, text: string, width: number): string {
  if (pen.measureText(text).width <= width) return text
  let [low, high] = [0, text.length]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (pen.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle
    else high = middle - 1
  }
  return `${text.slice(0, low)}…`
}
