// The dialog in which an operator orders a pause, a resume, a retry, a skip, a throttle or a share:
// the token, the reason, and the fields of the order.
import type { Orders } from './answers.ts'
import {
  ApiError, failureText, flowPath, getOpenApi, post, setToken, token
} from './api.ts'
import { byId, element, setHidden, setText } from './elements.ts'
import { scopeText } from './format.ts'
import { skipField, type Stopped } from './skip-field.ts'

export type OrderKind = 'pause' | 'resume' | 'retry' | 'share' | 'skip' | 'throttle'

export interface Scope { readonly topic?: string, readonly partition?: number }

/** As OpenAPI describes a field of a body. */
interface FieldSchema {
  readonly type?: string
  readonly description?: string
  readonly minimum?: number
  readonly maximum?: number
}

type Field = FieldSchema & { readonly name: string }

interface Description {
  readonly paths?: Readonly<Record<string, {
    readonly post?: {
      readonly requestBody?: { readonly content?: Readonly<Record<string, {
        readonly schema?: { readonly properties?: Readonly<Record<string, FieldSchema>> }
      }>> }
    }
  }>>
}

const titles: Readonly<Record<OrderKind, string>> = {
  pause: 'Pause', resume: 'Resume', retry: 'Retry faulted partitions of',
  share: 'Share of the bandwidth for', skip: 'Skip records of', throttle: 'Throttle'
}
const commonFields = new Set(['topic', 'partition', 'reason', 'by', 'dryRun'])

export class OrderDialog {
  readonly #dialog = byId<HTMLDialogElement>('order')
  readonly #onOrdered: (text: string) => void
  /** Of the orders about the bandwidth; a process of an older version has none or one of them. */
  #fields = new Map<OrderKind, readonly Field[]>()
  #order: { readonly kind: OrderKind, readonly flow: string, readonly scope: Scope } | undefined

  /** `onOrdered` receives a sentence about an order that is on record. */
  constructor (onOrdered: (text: string) => void) {
    this.#onOrdered = onOrdered
    byId('order-form').addEventListener('submit', event => {
      event.preventDefault()
      void this.#send()
    })
    byId('order-cancel').addEventListener('click', () => { this.#dialog.close() })
    byId('order-forget').addEventListener('click', () => {
      setToken('')
      this.#showToken(true)
    })
  }

  /** Whether the process has this order about the bandwidth. */
  has (kind: 'share' | 'throttle'): boolean { return this.#fields.has(kind) }

  /** Reads which orders the process has. */
  async learn (): Promise<void> {
    const { paths } = await getOpenApi() as Description
    for (const kind of ['share', 'throttle'] as const) {
      const body = paths?.[`/api/v1/flows/{flow}/${kind}`]?.post?.requestBody
      const properties = body?.content?.['application/json']?.schema?.properties
      if (properties === undefined) continue
      this.#fields.set(kind, Object.entries(properties)
        .filter(([name]) => !commonFields.has(name)).map(([name, schema]) => ({ name, ...schema })))
    }
  }

  /** `stopped`: the partition that is to skip records. */
  open (kind: OrderKind, flow: string, scope: Scope = {}, stopped?: Stopped): void {
    this.#order = { kind, flow, scope }
    setText(byId('order-title'), `${titles[kind]} ${scopeText(scope)}`)
    setText(byId('order-flow'), `Flow ${flow}. All its processes obey, also after a restart.`)
    setText(byId('order-error'), '')
    byId<HTMLInputElement>('order-reason').value = ''
    byId('order-fields').replaceChildren(...(this.#fields.get(kind) ?? []).map(fieldOf),
      ...kind === 'skip' && stopped !== undefined ? [skipField(stopped)] : [])
    this.#showToken(token() === '')
    this.#dialog.showModal()
    byId(token() === '' ? 'order-token' : 'order-reason').focus()
  }

  #showToken (isAsked: boolean): void {
    setHidden(byId('order-token-field'), !isAsked)
    setHidden(byId('order-forget'), isAsked)
    byId<HTMLInputElement>('order-token').value = ''
    byId<HTMLInputElement>('order-token').required = isAsked
  }

  async #send (): Promise<void> {
    if (this.#order === undefined) return
    const { flow, kind, scope } = this.#order
    const typed = byId<HTMLInputElement>('order-token').value.trim()
    const used = typed === '' ? token() : typed
    const by = byId<HTMLInputElement>('order-by').value.trim()
    const send = byId<HTMLButtonElement>('order-send')
    send.disabled = true
    setText(byId('order-error'), '')
    try {
      await post(`${flowPath(flow)}/${kind}`, {
        ...scope,
        ...this.#typedFields(),
        reason: byId<HTMLInputElement>('order-reason').value.trim(),
        ...by !== '' && { by }
      }, used)
      setToken(used)
      this.#dialog.close()
      this.#onOrdered(`On record: ${titles[kind].toLowerCase()} ${scopeText(scope)} of ${flow}. ` +
        'The processes apply it within seconds.')
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.status === 401) {
        setToken('')
        this.#showToken(true)
        setText(byId('order-error'), 'The process does not accept this token.')
      } else {
        setText(byId('order-error'), thrown instanceof ApiError
          ? thrown.message
          : `${failureText(thrown)} Whether the order is on record is not known: look at the ` +
            'orders in force before you repeat it.')
      }
    } finally {
      send.disabled = false
    }
  }

  #typedFields (): Readonly<Record<string, string | number | boolean>> {
    const inputs = [...byId('order-fields').querySelectorAll('input')]
    return Object.fromEntries(inputs.flatMap(
      ({ checked, name, type, value }): Array<[string, string | number | boolean]> => {
        if (type === 'checkbox') return checked ? [[name, true]] : []
        if (value.trim() === '') return []
        return [[name, type === 'number' ? Number(value) : value.trim()]]
      }))
  }
}

function fieldOf ({ description = '', maximum, minimum, name, type }: Field): HTMLElement {
  const isNumber = type === 'integer' || type === 'number'
  const input = element('input', {
    name,
    type: isNumber ? 'number' : type === 'boolean' ? 'checkbox' : 'text',
    ...isNumber && { step: type === 'integer' ? '1' : 'any' },
    ...minimum !== undefined && { min: String(minimum) },
    ...maximum !== undefined && { max: String(maximum) },
    autocomplete: 'off'
  })
  const hint = description === '' ? [] : [element('span', { class: 'hint' }, description)]
  return element('label', {}, element('span', {}, name), input, ...hint)
}

/** Whether an operator has paused exactly this. */
export function isPaused (orders: Orders | null, { partition, topic }: Scope): boolean {
  return orders?.pauses.some(pause =>
    pause.topic === (topic ?? null) && pause.partition === (partition ?? null)) ?? false
}
