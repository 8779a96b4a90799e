// Logins at AWS MSK: the token is a signed request, which a listener checks here like MSK's
// brokers, by signing the request again with the same key.
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { fetchMskIamToken } from '../../../src/orchestrator/cluster/msk-iam-token.ts'
import { tokenError } from '../../../src/orchestrator/cluster/token-source.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { StubBroker } from '../../kafka/stub-broker.ts'
import { createAdmin } from './create-admin.ts'

const credentials = { id: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const region = 'eu-central-1'

const login = {
  'sasl.mechanism': 'OAUTHBEARER',
  'sasl.oauthbearer.method': 'aws-msk-iam',
  'sasl.oauthbearer.aws.region': region
}

/** Sets AWS variables for one test; this machine has no other credentials. */
function setEnvironment (t: TestContext, wanted: Readonly<Record<string, string>>): void {
  const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE',
    'AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE', 'AWS_EC2_METADATA_DISABLED']
  const former = names.map(name => [name, process.env[name]] as const)
  const environment: Readonly<Record<string, string | undefined>> = {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_CONFIG_FILE: '/dev/null',
    ...wanted
  }
  set(names.map(name => [name, environment[name]]))
  t.after(() => { set(former) })
}

function set (variables: ReadonlyArray<readonly [string, string | undefined]>): void {
  for (const [name, value] of variables) {
    if (value === undefined) Reflect.deleteProperty(process.env, name)
    else process.env[name] = value
  }
}

const keys = { AWS_ACCESS_KEY_ID: credentials.id, AWS_SECRET_ACCESS_KEY: credentials.secret }

/** Why a broker of MSK would refuse the token; undefined: it would accept it. */
function refusalOf (token: string): string | undefined {
  const url = new URL(Buffer.from(token, 'base64url').toString('utf8'))
  const query = url.searchParams
  const [id, day = '', ...scope] = (query.get('X-Amz-Credential') ?? '').split('/')
  const date = query.get('X-Amz-Date') ?? ''
  if (url.host !== `kafka.${region}.amazonaws.com`) return `host ${url.host}`
  if (query.get('Action') !== 'kafka-cluster:Connect') return `action ${query.get('Action')}`
  if (id !== credentials.id) return `access key ${id}`
  if (scope.join('/') !== `${region}/kafka-cluster/aws4_request`) return `scope ${scope.join('/')}`
  const lifeSeconds = Number(query.get('X-Amz-Expires'))
  if (!(lifeSeconds > 0 && lifeSeconds <= 900)) return `a life of ${lifeSeconds} s`
  return query.get('X-Amz-Signature') === signatureOf(url, date, day) ? undefined : 'signature'
}

/** Signature version 4 of a request with the signature in its query, by AWS's documentation. */
function signatureOf (url: URL, date: string, day: string): string {
  const encode = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g,
    each => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)
  const query = [...url.searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature' && name !== 'User-Agent')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`).sort().join('&')
  const emptyBody = createHash('sha256').digest('hex')
  const request = ['GET', '/', query, `host:${url.host}`, '', 'host', emptyBody].join('\n')
  const scope = `${day}/${region}/kafka-cluster/aws4_request`
  const text = ['AWS4-HMAC-SHA256', date, scope,
    createHash('sha256').update(request).digest('hex')].join('\n')
  const sign = (key: Buffer | string, part: string): Buffer =>
    createHmac('sha256', key).update(part).digest()
  const key = [day, region, 'kafka-cluster', 'aws4_request']
    .reduce<Buffer | string>(sign, `AWS4${credentials.secret}`)
  return sign(key, text).toString('hex')
}

describe('a token for AWS MSK', () => {
  test('is a request to connect, signed by the credentials of the environment', async t => {
    setEnvironment(t, keys)
    const before = Date.now()
    const { expiresMs, value } = await fetchMskIamToken(login, new AbortController().signal)
    assert.equal(refusalOf(value), undefined)
    // Exactly 15 minutes.
    assert.ok(expiresMs > before + 898_000 && expiresMs <= Date.now() + 900_000, `${expiresMs}`)
  })

  test('is signed by the profile that awsProfileName names', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'longhaul-aws-'))
    t.after(() => { rmSync(folder, { recursive: true }) })
    const file = join(folder, 'credentials')
    writeFileSync(file, '[default]\naws_access_key_id = OTHER\naws_secret_access_key = other\n' +
      `[mirror]\naws_access_key_id = ${credentials.id}\n` +
      `aws_secret_access_key = ${credentials.secret}\n`)
    setEnvironment(t, { AWS_SHARED_CREDENTIALS_FILE: file })
    const { value } = await fetchMskIamToken(
      { ...login, 'sasl.oauthbearer.aws.profile': 'mirror' }, new AbortController().signal)
    assert.equal(refusalOf(value), undefined)
  })

  test('cannot be created without credentials: the error names the places that were searched',
    async t => {
      setEnvironment(t, {})
      const cases = [
        [{}, /AWS IAM, AWS's default credentials: Could not load credentials/],
        [{ 'sasl.oauthbearer.aws.profile': 'absent' }, /AWS IAM, profile absent: .*\[absent\]/],
        [{ 'sasl.oauthbearer.aws.role.arn': 'arn:aws:iam::1:role/x' },
          /AWS IAM, role arn:aws:iam::1:role\/x: Could not load/]
      ] as const
      for (const [more, text] of cases) {
        const error = await fetchMskIamToken({ ...login, ...more }, new AbortController().signal)
          .then(() => undefined, (thrown: unknown) => tokenError('A', thrown))
        assert.ok(error instanceof ReplicatorError)
        assert.equal(error.errorName, 'TOKEN_UNAVAILABLE')
        assert.match(error.message, text)
        assert.match(error.action, /awsRoleArn in A\.sasl\.jaas\.config, AWS_PROFILE/)
      }
    })

  test('logs in at a listener that checks it', async t => {
    setEnvironment(t, keys)
    const broker = await StubBroker.start(t)
    broker.refusalOf = refusalOf
    const properties = { 'security.protocol': 'SASL_PLAINTEXT', ...login }
    const admin = createAdmin(t, broker.bootstrapServers, properties)
    assert.equal((await admin.describeCluster()).clusterId, 'one-cluster')
  })

  test('with another key is refused by the listener, with the reason of the broker', async t => {
    setEnvironment(t, { ...keys, AWS_ACCESS_KEY_ID: 'AKIDSTRANGER' })
    const broker = await StubBroker.start(t)
    broker.refusalOf = refusalOf
    const properties = { 'security.protocol': 'SASL_PLAINTEXT', ...login }
    const admin = createAdmin(t, broker.bootstrapServers, properties)
    await assert.rejects(admin.describeCluster(), /access key AKIDSTRANGER/)
  })
})
