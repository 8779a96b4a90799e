// Tokens of SASL OAUTHBEARER: fetched here for every client of the process that logs in with them,
// and refreshed before they expire. Clients with the same credentials share one source.
// oidc-token.ts and msk-iam-token.ts fetch the tokens.
import { createHash } from 'node:crypto'
import type { ClientProperties } from '../config/client-properties.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { systemClock, systemRandom, type Clock } from '../time/clock.ts'
import { backoffDelayMs } from '../time/retry.ts'
import { mskIamMethod } from '../config/msk-iam.ts'
import { fetchMskIamToken } from './msk-iam-token.ts'
import { fetchOidcToken } from './oidc-token.ts'

export interface Token {
  readonly value: string
  /** Milliseconds since the epoch. */
  readonly expiresMs: number
}

/** Rejects within seconds if no token can be fetched. */
export type FetchToken = (signal: AbortSignal) => Promise<Token>

/** A client's share in a source. */
export interface TokenHold {
  /**
   * Resolves with a token that has not expired; rejects with the error of the last attempt to fetch
   * one. FetchToken bounds an attempt.
   */
  token (): Promise<string>
  /** A source without holders fetches no more tokens. Idempotent. */
  release (): void
}

/** The share that Kafka's clients and librdkafka use. */
const refreshShare = 0.8
const retryBackoff = { initialMs: 500, maxMs: 10_000 }
/** The shortest time between two fetches, even if the tokens of a server expire sooner. */
const refreshMsMin = 1_000

type OnToken = (token: string) => void
/** Receives TOKEN_UNAVAILABLE at each failed attempt to replace a token that has not expired. */
export type OnRefreshFailed = (error: ReplicatorError) => void

interface Holder {
  readonly onToken: OnToken
  readonly onRefreshFailed: OnRefreshFailed
}

export class TokenSource {
  readonly #clock: Clock
  readonly #fetch: FetchToken
  readonly #onUnused: () => void
  readonly #holders = new Set<Holder>()
  readonly #stopping = new AbortController()
  #token: Token | undefined
  /** The running attempt, or the last one. */
  #attempt!: Promise<Token>

  constructor (fetch: FetchToken, clock: Clock, onUnused: () => void = () => {}) {
    this.#fetch = fetch
    this.#clock = clock
    this.#onUnused = onUnused
    void this.#run()
  }

  /** `onToken` receives the present token and each later one. */
  hold (onToken: OnToken = () => {}, onRefreshFailed: OnRefreshFailed = () => {}): TokenHold {
    const holder = { onToken, onRefreshFailed }
    this.#holders.add(holder)
    if (this.#token !== undefined) onToken(this.#token.value)
    return {
      token: async () => await this.#current(),
      release: () => {
        if (!this.#holders.delete(holder) || this.#holders.size > 0) return
        this.#stopping.abort()
        this.#onUnused()
      }
    }
  }

  async #current (): Promise<string> {
    if (this.#token !== undefined && this.#token.expiresMs > this.#clock.now()) {
      return this.#token.value
    }
    return (await this.#attempt).value
  }

  async #run (): Promise<void> {
    const { signal } = this.#stopping
    for (let failures = 0; !signal.aborted;) {
      let waitMs: number
      this.#attempt = this.#fetch(signal)
      try {
        this.#token = await this.#attempt
        failures = 0
        for (const { onToken } of [...this.#holders]) onToken(this.#token.value)
        const lifeMs = this.#token.expiresMs - this.#clock.now()
        waitMs = Math.max(refreshMsMin, lifeMs * refreshShare)
      } catch (thrown) {
        failures++ // code that needs a token receives the error from #attempt
        if (!signal.aborted) this.#reportFailedRefresh(thrown)
        waitMs = backoffDelayMs(retryBackoff, failures, systemRandom)
      }
      await this.#clock.sleep(waitMs, signal).catch(() => {})
    }
  }

  #reportFailedRefresh (thrown: unknown): void {
    const expiresMs = this.#token?.expiresMs ?? 0
    if (expiresMs <= this.#clock.now()) return
    const error = refreshError(thrown, expiresMs)
    for (const { onRefreshFailed } of [...this.#holders]) onRefreshFailed(error)
  }
}

/** Clients report a failed refresh only once the token has expired. */
function refreshError (thrown: unknown, expiresMs: number): ReplicatorError {
  const { detail, row, setting } = ReplicatorError.from(thrown)
  return new ReplicatorError(row, `${detail}; the token in use expires at ` +
    `${new Date(expiresMs).toISOString()}, and logins fail from then on`,
  { cause: thrown, ...setting !== undefined && { setting } })
}

/** By a digest of the credentials. */
const sources = new Map<string, TokenSource>()

/** Undefined if the client logs in by another mechanism. */
export function holdToken (
  properties: ClientProperties, onToken?: OnToken, onRefreshFailed?: OnRefreshFailed
): TokenHold | undefined {
  const fetch = tokenFetcher(properties)
  if (fetch === undefined) return undefined
  const credentials = Object.entries(properties).filter(([name]) => isTokenProperty(name)).sort()
  const key = createHash('sha256').update(JSON.stringify(credentials)).digest('hex')
  let source = sources.get(key)
  if (source === undefined) {
    source = new TokenSource(fetch, systemClock, () => { sources.delete(key) })
    sources.set(key, source)
  }
  return source.hold(onToken, onRefreshFailed)
}

function tokenFetcher (properties: ClientProperties): FetchToken | undefined {
  switch (properties['sasl.oauthbearer.method']?.toLowerCase()) {
    case 'oidc': return async signal => await fetchOidcToken(properties, systemClock, signal)
    case mskIamMethod: return async signal => await fetchMskIamToken(properties, signal)
    default: return undefined
  }
}

/** librdkafka receives tokens only: the properties for fetching them are removed. */
export function withoutTokenProperties (properties: ClientProperties): ClientProperties {
  if (tokenFetcher(properties) === undefined) return properties
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !isTokenProperty(name)))
}

function isTokenProperty (name: string): boolean {
  return name.startsWith('sasl.oauthbearer.')
}

/** Adds the alias of the cluster that needs the token. */
export function tokenError (cluster: string, thrown: unknown): ReplicatorError {
  const error = ReplicatorError.from(thrown)
  if (error.errorName !== 'TOKEN_UNAVAILABLE' || error.setting === undefined) return error
  const setting = `${cluster}.${error.setting}`
  const action = tokenAction(error.setting, cluster)
  return new ReplicatorError(error.row, `cluster ${cluster}: ${error.detail}`,
    { cause: error, action, cluster, setting })
}

function tokenAction (setting: string, cluster: string): string {
  switch (setting) {
    case 'sasl.jaas.config':
      return `Check the client id, the secret and the scope in ${cluster}.${setting}`
    case 'sasl.mechanism':
      return `Check awsProfileName and awsRoleArn in ${cluster}.sasl.jaas.config, AWS_PROFILE ` +
        'and the keys in the environment, or the role of this machine'
    default: return `Check ${cluster}.${setting} and the server there`
  }
}
