// Requests of commands to the API of a running process.
import { isLoopback } from '../config/api-settings.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'

export interface ApiClientOptions {
  /** http://127.0.0.1:9584 */
  readonly url: string
  /** api.token; '': none. */
  readonly token: string
  readonly signal: AbortSignal
}

const answerMs = 15_000

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
    let response: Response
    try {
      response = await fetch(url, {
        headers: this.#headers(),
        redirect: 'error',
        signal: AbortSignal.any([this.#options.signal, AbortSignal.timeout(answerMs + waitMs)])
      })
    } catch (cause) {
      throw unanswered(url, reasonOf(cause), cause)
    }
    const body: unknown = await response.json().catch(() => undefined)
    if (!response.ok && !statuses.includes(response.status)) {
      throw unanswered(url, `${response.status} ${errorText(body)}`)
    }
    return body as Answer
  }

  /** The token does not leave this machine in clear. */
  #headers (): Record<string, string> {
    const { hostname, protocol } = this.#url
    const isSafe = protocol === 'https:' || isLoopback(hostname)
    return this.#options.token !== '' && isSafe
      ? { authorization: `Bearer ${this.#options.token}` }
      : {}
  }
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
