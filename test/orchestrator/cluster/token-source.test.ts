// Tokens: when they are fetched, who receives them, and what is logged if none arrives.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fetchOidcToken } from '../../../src/orchestrator/cluster/oidc-token.ts'
import {
  holdToken, tokenError, TokenSource, withoutTokenProperties, type FetchToken
} from '../../../src/orchestrator/cluster/token-source.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'
import { eventually } from '../../kafka/eventually.ts'
import { startTokenServer, type TokenServerOptions } from '../../kafka/token-server.ts'
import { ManualClock } from '../time/manual-clock.ts'

const lifeMs = 100_000

function numberedTokens (clock: ManualClock): { fetch: FetchToken, readonly count: number } {
  const tokens = {
    count: 0,
    fetch: async () => {
      tokens.count++
      return { value: `token-${tokens.count}`, expiresMs: clock.now() + lifeMs }
    }
  }
  return tokens
}

describe('a source of tokens', () => {
  test('fetches one token for all clients, and the next one after 80 % of its life', async t => {
    const clock = new ManualClock()
    const tokens = numberedTokens(clock)
    const source = new TokenSource(tokens.fetch, clock)
    const received: string[] = []
    const first = source.hold(token => { received.push(`first ${token}`) })
    assert.equal(await first.token(), 'token-1')
    const second = source.hold(token => { received.push(`second ${token}`) })
    assert.equal(await second.token(), 'token-1')
    await clock.advance(lifeMs * 0.8 - 1)
    assert.equal(tokens.count, 1)
    await clock.advance(1)
    await eventually('a second token', () => received.length === 4)
    assert.deepEqual(received,
      ['first token-1', 'second token-1', 'first token-2', 'second token-2'])
    first.release()
    second.release()
    t.after(async () => { second.release() })
  })

  test('fetches no token without clients', async () => {
    const clock = new ManualClock()
    const tokens = numberedTokens(clock)
    let unused = 0
    const source = new TokenSource(tokens.fetch, clock, () => { unused++ })
    const [first, second] = [source.hold(), source.hold()]
    await first.token()
    first.release()
    first.release()
    assert.equal(unused, 0)
    second.release()
    assert.equal(unused, 1)
    await clock.advance(10 * lifeMs)
    assert.equal(tokens.count, 1)
  })

  test('reports why no token arrives, retries, and passes the late token on', async () => {
    const clock = new ManualClock()
    let isIll = true
    const source = new TokenSource(async () => {
      if (isIll) throw new ReplicatorError('TOKEN_UNAVAILABLE', 'the server does not work')
      return { value: 'late', expiresMs: clock.now() + lifeMs }
    }, clock)
    const received: string[] = []
    const hold = source.hold(token => { received.push(token) })
    await assert.rejects(hold.token(), /the server does not work/)
    isIll = false
    await clock.advance(1_000)
    await eventually('the late token', () => received.length === 1)
    assert.equal(await hold.token(), 'late')
    hold.release()
  })

  // The valid token hides the failure from every client, until all logins fail within one minute.
  test('reports a failed refresh while the token is valid, with its expiry, and no longer',
    async () => {
      const clock = new ManualClock()
      const reported: ReplicatorError[] = []
      let fetched = 0
      const source = new TokenSource(async () => {
        if (++fetched > 1) {
          throw new ReplicatorError('TOKEN_UNAVAILABLE', 'https://id.example/token answers 503',
            { setting: 'sasl.oauthbearer.token.endpoint.url' })
        }
        return { value: 'first', expiresMs: clock.now() + lifeMs }
      }, clock)
      const expires = new Date(clock.now() + lifeMs).toISOString()
      const hold = source.hold(undefined, error => { reported.push(error) })
      await hold.token()
      assert.equal(reported.length, 0)
      await clock.advance(lifeMs * 0.8)
      await eventually('a report', () => reported.length === 1)
      const { errorName, message } = tokenError('A', reported[0])
      assert.equal(errorName, 'TOKEN_UNAVAILABLE')
      assert.match(message, /^No token .*: cluster A: https:\/\/id\.example\/token answers 503; /)
      assert.match(message, /Check A\.sasl\.oauthbearer\.token\.endpoint\.url/)
      assert.ok(message.includes(`expires at ${expires}`), message)
      await clock.advance(lifeMs * 0.2)
      const beforeExpiry = reported.length
      const attempts = fetched
      await clock.advance(lifeMs)
      await eventually('an attempt after the expiry', () => fetched > attempts)
      assert.equal(reported.length, beforeExpiry)
      hold.release()
    })

  test('keeps the token of a server that fails later, until the token expires', async () => {
    const clock = new ManualClock()
    let fetched = 0
    const source = new TokenSource(async () => {
      if (++fetched > 1) throw new ReplicatorError('TOKEN_UNAVAILABLE', 'the server does not work')
      return { value: 'first', expiresMs: clock.now() + lifeMs }
    }, clock)
    const hold = source.hold()
    assert.equal(await hold.token(), 'first')
    await clock.advance(lifeMs * 0.8)
    await eventually('an attempt that fails', () => fetched > 1)
    assert.equal(await hold.token(), 'first')
    await clock.advance(lifeMs * 0.2)
    await assert.rejects(hold.token(), /the server does not work/)
    hold.release()
  })
})

describe('a token by OpenID Connect', () => {
  const known = { client: 'mirror', secret: 'token-secret' }
  const propertiesOf = (url: string, secret = known.secret): Record<string, string> => ({
    'sasl.mechanism': 'OAUTHBEARER',
    'sasl.oauthbearer.method': 'oidc',
    'sasl.oauthbearer.client.id': known.client,
    'sasl.oauthbearer.client.secret': secret,
    'sasl.oauthbearer.scope': 'kafka',
    'sasl.oauthbearer.token.endpoint.url': url
  })
  const never = new AbortController().signal

  test('is requested by client credentials and expires at its own time', async t => {
    const server = await startTokenServer(t, { ...known, lifeSeconds: 60 })
    const beforeMs = Date.now()
    const { expiresMs } = await fetchOidcToken(propertiesOf(server.url), systemClock, never)
    assert.ok(expiresMs >= beforeMs + 59_000 && expiresMs <= Date.now() + 60_000)
    assert.deepEqual(Object.fromEntries(server.requests[0] ?? []),
      { grant_type: 'client_credentials', scope: 'kafka' })
  })

  const failures: ReadonlyArray<readonly [TokenServerOptions['answer'], RegExp]> = [
    [{ status: 500, body: 'token-secret' }, /answers 500\. Check A\.sasl\.oauthbearer\.token/],
    [{ status: 200, body: '<html>' }, /answers 200 without an access_token\./],
    [{ status: 200, body: '{"access_token":"a b"}' }, /answers 200 without an access_token\./],
    [{ status: 200, body: '{"access_token":"opaque"}' }, /without an expiry/],
    [{ status: 302, body: '' }, /127\.0\.0\.1:\d+\/token/],
    [{ status: 200, body: ' '.repeat(600_000) }, /longer than 524288 bytes/],
    [undefined, /\/token answers 401 \(invalid_client\)\. Check the client id.*A\.sasl\.jaas/]
  ]
  for (const [answer, text] of failures) {
    test(`that does not arrive is reported: ${String(text)}`, async t => {
      const server = await startTokenServer(t, { ...known, ...answer && { answer } })
      const url = `${server.url}?key=token-secret`
      await assert.rejects(fetchOidcToken(propertiesOf(url, 'wrong-secret'), systemClock, never),
        thrown => {
          const { message } = tokenError('A', thrown)
          assert.match(message, text)
          assert.match(message, /cluster A: http:\/\/127\.0\.0\.1:\d+\/token/)
          assert.doesNotMatch(message, /token-secret|wrong-secret/)
          return true
        })
    })
  }

  test('whose server does not listen names the address', async () => {
    await assert.rejects(
      fetchOidcToken(propertiesOf('http://127.0.0.1:1/token'), systemClock, never),
      /http:\/\/127\.0\.0\.1:1\/token: /)
  })

  test('is shared by clients with the same credentials, unknown to librdkafka', async t => {
    const server = await startTokenServer(t, known)
    const properties = propertiesOf(server.url)
    const holds = [{ ...properties, 'client.id': 'a' }, { ...properties, 'client.id': 'b' }]
      .map(each => holdToken(each))
    const [first, second] = await Promise.all(holds.map(async hold => await hold?.token()))
    for (const hold of holds) hold?.release()
    assert.equal(first, second)
    assert.equal(server.requests.length, 1)
    assert.deepEqual(withoutTokenProperties(properties), { 'sasl.mechanism': 'OAUTHBEARER' })
    const password = { 'sasl.mechanism': 'PLAIN', 'sasl.password': 'p' }
    assert.equal(holdToken(password), undefined)
    assert.deepEqual(withoutTokenProperties(password), password)
  })
})
