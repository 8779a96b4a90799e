// Building and updating elements. All text enters as text nodes: names of topics and reasons come
// from clusters and operators, and must never be markup.

type Child = Node | string

export function element<Tag extends keyof HTMLElementTagNameMap> (
  tag: Tag, attributes: Readonly<Record<string, string>> = {}, ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

export function button (
  text: string, onClick: () => void, attributes: Readonly<Record<string, string>> = {}
): HTMLButtonElement {
  const made = element('button', { type: 'button', ...attributes }, text)
  made.addEventListener('click', onClick)
  return made
}

/** The element of index.html with this id. */
export function byId<Kind extends HTMLElement = HTMLElement> (id: string): Kind {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`index.html has no #${id}`)
  return found as Kind
}

/** Writes only what differs: an unchanged text neither loses a selection nor is read out again. */
export function setText (target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

export function setHidden (target: HTMLElement, isHidden: boolean): void {
  if (target.hidden !== isHidden) target.hidden = isHidden
}

export function stateBadge (state: string): HTMLElement {
  return element('span', { class: 'state', 'data-state': state }, state)
}

export type Cell = string | { readonly state: string } | { readonly strong: string } |
  { readonly link: string }

export interface TableRow {
  /** Rows with the same key keep their elements, so a focused button keeps the focus. */
  readonly key: string
  readonly cells: readonly Cell[]
  readonly actions?: ReadonlyArray<{
    readonly text: string, readonly label: string, readonly run: () => void
  }>
}

/** The rows of a table, updated in place. */
export class LiveTable {
  readonly #body: HTMLTableSectionElement
  readonly #numeric: ReadonlySet<number>
  readonly #actionColumn: number
  #shown = new Map<string, { readonly element: HTMLTableRowElement, signature: string }>()

  /** `numeric`: the columns that are aligned to the right. */
  constructor (
    table: HTMLElement, head: readonly string[], numeric: readonly number[] = []
  ) {
    this.#numeric = new Set(numeric)
    this.#actionColumn = head.findIndex(text => text === 'Actions')
    this.#body = element('tbody')
    table.replaceChildren(
      ...[...table.children].filter(child => child.tagName === 'CAPTION'),
      element('thead', {}, element('tr', {}, ...head.map((text, column) =>
        element('th', { scope: 'col', ...this.#classOf(column) }, text)))),
      this.#body)
  }

  show (rows: readonly TableRow[]): void {
    const next = new Map<string, { readonly element: HTMLTableRowElement, signature: string }>()
    let place: ChildNode | null = this.#body.firstChild
    for (const row of rows) {
      const known = this.#shown.get(row.key) ?? { element: element('tr'), signature: '' }
      const signature = JSON.stringify([row.cells, row.actions?.map(({ label }) => label)])
      if (known.signature !== signature) {
        fill(known.element, row, column => this.#classOf(column))
        known.signature = signature
      }
      if (place === known.element) place = place.nextSibling
      else this.#body.insertBefore(known.element, place)
      next.set(row.key, known)
    }
    for (const [key, { element: old }] of this.#shown) if (!next.has(key)) old.remove()
    this.#shown = next
  }

  #classOf (column: number): Readonly<Record<string, string>> {
    if (column === this.#actionColumn) return { class: 'actions' }
    return this.#numeric.has(column) ? { class: 'number' } : {}
  }
}

function contentOf (cell: Cell): Child {
  if (typeof cell === 'string') return cell
  if ('state' in cell) return stateBadge(cell.state)
  if ('strong' in cell) return element('strong', {}, cell.strong)
  const { link } = cell
  // A process of the flow wrote the address into Kafka: javascript: must not become a link.
  return /^https?:\/\//.test(link) && URL.canParse(link)
    ? element('a', { href: link, rel: 'noreferrer' }, link)
    : link
}

function fill (
  target: HTMLTableRowElement, { actions, cells }: TableRow,
  classOf: (column: number) => Readonly<Record<string, string>>
): void {
  const focused = target.contains(document.activeElement)
    ? document.activeElement?.getAttribute('aria-label')
    : undefined
  const made = cells.map((cell, column) => {
    const content = contentOf(cell)
    return column === 0
      ? element('th', { scope: 'row', ...classOf(column) }, content)
      : element('td', classOf(column), content)
  })
  const buttons = (actions ?? []).map(({ label, run, text }) =>
    button(text, run, { 'aria-label': label, class: 'small' }))
  target.replaceChildren(...made,
    ...actions === undefined ? [] : [element('td', { class: 'actions' }, ...buttons)])
  buttons.find(each => each.getAttribute('aria-label') === focused)?.focus()
}
