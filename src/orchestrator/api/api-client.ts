// Reads of the API of a running process: by commands, and by another process of the flow.
import type { ReadableStreamDefaultReader } from 'node:stream/web'
import { isLoopback } from '../config/api-settings.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { withinMs } from '../time/deadline.ts'

export interface ApiClientOptions {
  /** http://127.0.0.1:9584 */
  readonly url: string
  /** api.token; '': none. */
  readonly token: string
  readonly signal: AbortSignal
  /** The header Authorization of a read, instead of the token; '': none. */
  readonly authorize?: (path: string) => string
  /** Default: 15 s. */
  readonly answerMs?: number
}

const answerMsDefault = 15_000
/** What the API answers at most. */
const pageMax = '1000'
/** A page of a thousand partitions has a megabyte. Whoever answers may send more. */
const answerBytesMax = 8 * 1024 * 1024

export class ApiClient {
  readonly #url: URL
  readonly #options: ApiClientOptions

  /** Throws if the URL is none. */
  constructor (options: ApiClientOptions) {
    const url = URL.canParse(options.url) ? new URL(options.url) : undefined
    if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
      throw new ReplicatorError('CONFIG_INVALID',
        `--url=${options.url} is not a URL, such as http://127.0.0.1:9584`)
    }
    this.#url = url
    this.#options = options
  }

  /** Of the process, for errors about its answers. */
  get origin (): string { return this.#url.origin }

  /** `statuses` are answers with a body that is no error. */
  async get<Answer> (
    path: string, query: Readonly<Record<string, string | undefined>> = {},
    { statuses = [], waitMs = 0 }: {
      readonly statuses?: readonly number[], readonly waitMs?: number
    } = {}
  ): Promise<Answer> {
    const url = new URL(`/api/v1${path}`, this.#url)
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, value)
    }
    const ms = (this.#options.answerMs ?? answerMsDefault) + waitMs
    return await withinMs(ms, this.#options.signal,
      async signal => await this.#answerTo<Answer>(url, statuses, signal))
  }

  /** The pages of a list, which end with `next` null. Each holds up to a thousand entries. */
  async * pages<Page extends { readonly next: string | null }> (
    path: string, query: Readonly<Record<string, string | undefined>>
  ): AsyncGenerator<Page> {
    for (let after: string | undefined | null = undefined; after !== null;) {
      const page: Page = await this.get(path, { ...query, limit: pageMax, after })
      yield page
      after = page.next
    }
  }

  async #answerTo<Answer> (
    url: URL, statuses: readonly number[], signal: AbortSignal
  ): Promise<Answer> {
    let response: Response
    try {
      response = await fetch(url, {
        headers: this.#headers(`${url.pathname}${url.search}`), redirect: 'error', signal
      })
    } catch (cause) {
      throw unanswered(url, reasonOf(cause), cause)
    }
    const body = await bodyOf(response).catch((cause: unknown) => {
      if (response.ok) throw unanswered(url, reasonOf(cause), cause)
    })
    if (!response.ok && !statuses.includes(response.status)) {
      throw unanswered(url, `${response.status} ${errorText(body)}`)
    }
    return body as Answer
  }

  /** The token does not leave this machine in clear. */
  #headers (path: string): Record<string, string> {
    const { authorize, token } = this.#options
    const { hostname, protocol } = this.#url
    const isSafe = protocol === 'https:' || isLoopback(hostname)
    const authorization = authorize?.(path) ?? (token === '' ? '' : `Bearer ${token}`)
    return authorization !== '' && isSafe ? { authorization } : {}
  }
}

/** Throws if the answer is no JSON, or longer than the bound. */
async function bodyOf (response: Response): Promise<unknown> {
  const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = response.body?.getReader()
  const parts: Uint8Array[] = []
  for (let bytes = 0; reader !== undefined;) {
    const { done, value } = await reader.read()
    if (done) break
    bytes += value.byteLength
    if (bytes > answerBytesMax) {
      // Not awaited: a cancelled stream may wait for its sender.
      void reader.cancel().catch(() => {})
      throw new Error(`the answer is longer than ${answerBytesMax / 1024 / 1024} MiB`)
    }
    parts.push(value)
  }
  return JSON.parse(Buffer.concat(parts).toString('utf8'))
}

function unanswered (url: URL, reason: string, cause?: unknown): ReplicatorError {
  const detail = `${url.origin}${url.pathname}: ${reason}`
  return new ReplicatorError('API_UNREACHABLE', detail, { cause })
}

function errorText (body: unknown): string {
  const { error } = (body ?? {}) as { readonly error?: { readonly text?: unknown } }
  return typeof error?.text === 'string' ? error.text : 'without a reason'
}

/** fetch() hides the reason in the cause. */
function reasonOf (thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  return thrown.cause instanceof Error ? thrown.cause.message : thrown.message
}
