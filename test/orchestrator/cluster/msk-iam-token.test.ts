// Logins at AWS MSK: the token is a signed request, which a listener checks here like MSK's
// brokers. integration/logins has a whole flow with it.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { fetchMskIamToken } from '../../../src/orchestrator/cluster/msk-iam-token.ts'
import { tokenError } from '../../../src/orchestrator/cluster/token-source.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  mskCredentials, mskKeys, mskRegion, refusalOfMskToken, withoutAws
} from '../../kafka/msk-iam.ts'
import { StubBroker } from '../../kafka/stub-broker.ts'
import { createAdmin } from './create-admin.ts'

const login = {
  'sasl.mechanism': 'OAUTHBEARER',
  'sasl.oauthbearer.method': 'aws-msk-iam',
  'sasl.oauthbearer.aws.region': mskRegion
}

/** Sets AWS variables for one test; this machine has no other credentials. */
function setEnvironment (t: TestContext, wanted: Readonly<Record<string, string>>): void {
  const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE',
    'AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE', 'AWS_EC2_METADATA_DISABLED']
  const former = names.map(name => [name, process.env[name]] as const)
  const environment: Readonly<Record<string, string | undefined>> = { ...withoutAws, ...wanted }
  set(names.map(name => [name, environment[name]]))
  t.after(() => { set(former) })
}

function set (variables: ReadonlyArray<readonly [string, string | undefined]>): void {
  for (const [name, value] of variables) {
    if (value === undefined) Reflect.deleteProperty(process.env, name)
    else process.env[name] = value
  }
}

describe('a token for AWS MSK', () => {
  test('is a request to connect, signed by the credentials of the environment', async t => {
    setEnvironment(t, mskKeys)
    const before = Date.now()
    const { expiresMs, value } = await fetchMskIamToken(login, new AbortController().signal)
    assert.equal(refusalOfMskToken(value), undefined)
    // Exactly 15 minutes.
    assert.ok(expiresMs > before + 898_000 && expiresMs <= Date.now() + 900_000, `${expiresMs}`)
  })

  test('is signed by the profile that awsProfileName names', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'longhaul-aws-'))
    t.after(() => { rmSync(folder, { recursive: true }) })
    const file = join(folder, 'credentials')
    writeFileSync(file, '[default]\naws_access_key_id = OTHER\naws_secret_access_key = other\n' +
      `[mirror]\naws_access_key_id = ${mskCredentials.id}\n` +
      `aws_secret_access_key = ${mskCredentials.secret}\n`)
    setEnvironment(t, { AWS_SHARED_CREDENTIALS_FILE: file })
    const { value } = await fetchMskIamToken(
      { ...login, 'sasl.oauthbearer.aws.profile': 'mirror' }, new AbortController().signal)
    assert.equal(refusalOfMskToken(value), undefined)
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
    setEnvironment(t, mskKeys)
    const broker = await StubBroker.start(t)
    broker.refusalOf = refusalOfMskToken
    const properties = { 'security.protocol': 'SASL_PLAINTEXT', ...login }
    const admin = createAdmin(t, broker.bootstrapServers, properties)
    assert.equal((await admin.describeCluster()).clusterId, 'one-cluster')
  })

  test('with another key is refused by the listener, with the reason of the broker', async t => {
    setEnvironment(t, { ...mskKeys, AWS_ACCESS_KEY_ID: 'AKIDSTRANGER' })
    const broker = await StubBroker.start(t)
    broker.refusalOf = refusalOfMskToken
    const properties = { 'security.protocol': 'SASL_PLAINTEXT', ...login }
    const admin = createAdmin(t, broker.bootstrapServers, properties)
    await assert.rejects(admin.describeCluster(), /access key AKIDSTRANGER/)
  })
})
