// Requests of the page to the API of its process, with the operator's token, which is kept for this
// tab only: sessionStorage ends with it.
import type { Move } from './answers.ts'

/** The process answered, with an error. */
export class ApiError extends Error {
  readonly status: number

  constructor (status: number, text: string) {
    super(text)
    this.status = status
  }
}

/** The process has not answered: it has ended, or the network does not reach it. */
export class NoAnswer extends Error {}

/** Why the page shows nothing newer. Anything but an answer or none is an error of the page. */
export function failureText (thrown: unknown): string {
  if (thrown instanceof ApiError) return thrown.message
  if (thrown instanceof NoAnswer) return 'The process does not answer.'
  const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
  return `This page has an error of its own: ${what}. Load it again.`
}

const tokenKey = 'longhaul.token'
const answerMs = 8_000

export function token (): string { return sessionStorage.getItem(tokenKey) ?? '' }

/** '' removes it. */
export function setToken (value: string): void {
  if (value === '') sessionStorage.removeItem(tokenKey)
  else sessionStorage.setItem(tokenKey, value)
}

function headers (of = token()): Record<string, string> {
  return of === '' ? {} : { authorization: `Bearer ${of}` }
}

export function flowPath (flow: string): string { return `/flows/${encodeURIComponent(flow)}` }

export async function get<Answer> (
  path: string, query: Readonly<Record<string, string | number>> = {}
): Promise<Answer> {
  const url = new URL(`/api/v1${path}`, location.href)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value))
  return await answerTo<Answer>(url, { headers: headers() })
}

export async function getOpenApi (): Promise<unknown> {
  return await answerTo(new URL('/api/openapi.json', location.href), { headers: headers() })
}

export async function post (path: string, body: object, withToken: string): Promise<unknown> {
  return await answerTo(new URL(`/api/v1${path}`, location.href), {
    method: 'POST',
    headers: { ...headers(withToken), 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })
}

async function answerTo<Answer> (url: URL, request: RequestInit): Promise<Answer> {
  const signal = AbortSignal.timeout(answerMs)
  const response = await fetch(url, { ...request, cache: 'no-store', redirect: 'error', signal })
    .catch((cause: unknown) => { throw new NoAnswer('no answer', { cause }) })
  const body: unknown = await response.json().catch((cause: unknown) => {
    if (response.ok) throw new NoAnswer('no whole answer', { cause })
  })
  if (response.ok) return body as Answer
  const { error } = (body ?? {}) as { readonly error?: { readonly text?: unknown } }
  throw new ApiError(response.status, typeof error?.text === 'string'
    ? error.text
    : `the process answered with ${response.status}`)
}

/** Ends with the connection; EventSource could not send the token. Rejects if it is refused. */
export async function readMoves (
  onMove: (move: Move) => void, signal: AbortSignal
): Promise<void> {
  const response = await fetch('/api/v1/events',
    { headers: headers(), cache: 'no-store', redirect: 'error', signal })
  if (!response.ok || response.body === null) {
    throw new ApiError(response.status, `live events: ${response.status}`)
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const events = (rest + value).split('\n\n')
    rest = events.pop() ?? ''
    for (const event of events) {
      const [, data] = /^event: move\ndata: (.*)$/.exec(event) ?? []
      if (data !== undefined) onMove(JSON.parse(data) as Move)
    }
  }
}
