// Java client properties are translated to librdkafka's, when a whole file is read.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  connectionProperties, otherProperties
} from '../../../src/orchestrator/config/librdkafka-properties.ts'
import {
  clientPropertyNames, type ClientProperties
} from '../../../src/orchestrator/config/client-properties.ts'
import { mskRegion } from '../../../src/orchestrator/config/msk-iam.ts'
import {
  isSecret, redactValue, secretProperties
} from '../../../src/orchestrator/config/secret-properties.ts'
import { createConfig, problemsOf, twoClusters } from './create-config.ts'

function sourceClient (lines: readonly string[]): ClientProperties {
  const flow = createConfig(lines.map(line => `A.${line}`)).flows[0]
  const { 'bootstrap.servers': _, ...others } = flow?.source.client ?? {}
  return others
}

function problem (
  lines: readonly string[],
  features?: readonly string[],
  environment: Readonly<Record<string, string>> = {}
): string {
  const problems = problemsOf([...twoClusters, ...lines.map(line => `A.${line}`)],
    { environment, ...features !== undefined && { features } })
  assert.equal(problems.length, 1, problems.join('\n'))
  return problems[0] ?? ''
}

// Java client, librdkafka
const translated: ReadonlyArray<readonly [string, ClientProperties]> = [
  ['request.timeout.ms=1000', { 'socket.timeout.ms': '1000' }],
  ['metadata.max.age.ms=2000', { 'topic.metadata.refresh.interval.ms': '2000' }],
  // With more than 715 s librdkafka forgot metadata at once: no partition found a start position.
  ['metadata.max.age.ms=3600000', { 'topic.metadata.refresh.interval.ms': '600000' }],
  ['topic.metadata.refresh.interval.ms=900000',
    { 'topic.metadata.refresh.interval.ms': '600000' }],
  ['send.buffer.bytes=-1', { 'socket.send.buffer.bytes': '0' }],
  ['receive.buffer.bytes=65536', { 'socket.receive.buffer.bytes': '65536' }],
  ['connections.max.idle.ms=1', { 'connections.max.idle.ms': '1' }],
  ['reconnect.backoff.ms=50', { 'reconnect.backoff.ms': '50' }],
  ['client.dns.lookup=use_all_dns_ips', { 'client.dns.lookup': 'use_all_dns_ips' }],
  ['ssl.endpoint.identification.algorithm=', { 'ssl.endpoint.identification.algorithm': 'none' }],
  ['ssl.endpoint.identification.algorithm=HTTPS',
    { 'ssl.endpoint.identification.algorithm': 'https' }],
  ['ssl.cipher.suites=TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
    { 'ssl.cipher.suites': 'ECDHE-RSA-AES256-GCM-SHA384' }],
  ['ssl.cipher.suites=TLS_RSA_WITH_AES_128_CBC_SHA', { 'ssl.cipher.suites': 'AES128-SHA' }],
  ['ssl.cipher.suites=ECDHE-ECDSA-CHACHA20-POLY1305:HIGH',
    { 'ssl.cipher.suites': 'ECDHE-ECDSA-CHACHA20-POLY1305:HIGH' }],
  ['socket.nagle.disable=true', { 'socket.nagle.disable': 'true' }],
  ['consumer.max.poll.records=5', {}],
  ['consumer.fetch.max.bytes=1000000', {}],
  ['consumer.queued.min.messages=5', {}],
  ['ssl.truststore.certificates=-----BEGIN CERTIFICATE-----', {
    'ssl.ca.pem': '-----BEGIN CERTIFICATE-----'
  }]
]

for (const [line, expected] of translated) {
  test(`${line} becomes ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(sourceClient([line]), expected)
  })
}

test('both names for one setting are refused, with both names', () => {
  assert.match(problem(['request.timeout.ms=1000', 'socket.timeout.ms=2000']),
    /A\.request\.timeout\.ms=1000 \(line 5\) and A\.socket\.timeout\.ms=2000 \(line 6\) both set/)
  assert.match(problem(['ssl.ca.location=/x', 'ssl.truststore.certificates=y']), /the trust store/)
  assert.match(problem(['bootstrap.servers=c:1', 'metadata.broker.list=d:2']), /both set bootst/)
})

const plain = 'sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required ' +
  'username="me" password="it\'s"'

test('a login becomes user name and password', () => {
  const lines = ['security.protocol=SASL_PLAINTEXT', 'sasl.mechanism=PLAIN', `${plain};`]
  assert.deepEqual(sourceClient(lines), {
    'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': 'PLAIN', 'sasl.username': 'me',
    'sasl.password': "it's"
  })
})

test('a login that is not used causes a warning', () => {
  for (const line of [`${plain};`, 'sasl.mechanism=PLAIN']) {
    const { warnings } = createConfig([`A.${line}`])
    assert.equal(warnings.length, 1, line)
    assert.match(warnings[0] ?? '', /security\.protocol of cluster A is PLAINTEXT/)
  }
})

test('a login that is not complete is refused', () => {
  assert.match(problem(['security.protocol=SASL_SSL', 'sasl.mechanism=SCRAM-SHA-512']),
    /SCRAM-SHA-512 needs sasl\.jaas\.config/)
  assert.match(problem(['security.protocol=SASL_SSL', 'sasl.jaas.config=nonsense']),
    /A\.sasl\.jaas\.config=\[redacted\].*it is not `LoginModule required/)
  assert.match(problem([`${plain};`, 'sasl.username=other']), /both set sasl\.username/)
})

test('features that this build of librdkafka lacks are refused when the file is read', () => {
  const kerberos = ['security.protocol=SASL_SSL', 'sasl.mechanism=GSSAPI']
  assert.match(problem(kerberos, ['ssl', 'sasl_plain']), /no Kerberos; install/)
  assert.equal(sourceClient(kerberos)['sasl.mechanism'], 'GSSAPI')
})

// Each kinit writes to the one cache of the process: brokers of both clusters saw the principal of
// the last login.
test('different principals of Kerberos in one process cause a warning', () => {
  const loginAs = (cluster: string, principal: string): string[] => [
    `${cluster}.security.protocol = SASL_SSL`, `${cluster}.sasl.mechanism = GSSAPI`,
    `${cluster}.sasl.jaas.config = com.sun.security.auth.module.Krb5LoginModule required ` +
      `keyTab="/k" principal="${principal}";`
  ]
  const warningsOf = (...principals: readonly [string, string]): string =>
    createConfig([...loginAs('A', principals[0]), ...loginAs('B', principals[1])]).warnings.join()
  assert.equal(warningsOf('m@X', 'm@X'), '')
  assert.match(warningsOf('m@X', 'n@X'), /^Kerberos logs in at A as m@X, B as n@X: .* one cache/)
})

test('a login by OpenID Connect needs the URL, the id and the secret, in any property', () => {
  const oauth = ['security.protocol=SASL_SSL', 'sasl.mechanism=OAUTHBEARER',
    'ssl.truststore.certificates=x']
  const url = 'sasl.oauthbearer.token.endpoint.url=https://x/token'
  const module = 'sasl.jaas.config=x.OAuthBearerLoginModule required'
  const expected = {
    'sasl.mechanism': 'OAUTHBEARER',
    'sasl.oauthbearer.client.id': 'i',
    'sasl.oauthbearer.client.secret': 's',
    'sasl.oauthbearer.method': 'oidc',
    'sasl.oauthbearer.token.endpoint.url': 'https://x/token',
    'security.protocol': 'SASL_SSL',
    'ssl.ca.pem': 'x'
  }
  const handler = 'sasl.login.callback.handler.class=org.apache.kafka.common.security.' +
    'oauthbearer.OAuthBearerLoginCallbackHandler'
  assert.deepEqual(
    sourceClient([...oauth, url, handler, `${module} clientId="i" clientSecret="s";`]), expected)
  assert.deepEqual(sourceClient([...oauth, url, `${module};`,
    'sasl.oauthbearer.client.credentials.client.id=i',
    'sasl.oauthbearer.client.credentials.client.secret=s']), expected)
  assert.match(problem([...oauth, `${module} clientId="i" clientSecret="s";`]),
    /token\.endpoint\.url is missing/)
  assert.match(problem([...oauth, url, `${module} clientId="i";`]), /client\.secret is missing/)
  assert.match(problem([...oauth, url.replace('https:', 'file:'),
    `${module} clientId="i" clientSecret="s";`]), /not an http or https URL/)
  assert.match(problem([...oauth, url, `${module} clientId="i" clientSecret="s";`,
    'https.ca.location=/ca.pem']), /https\.ca\.location is not supported.*NODE_EXTRA_CA_CERTS/)
})

test("a login at AWS MSK needs the region of the brokers: by their names, or the environment's",
  () => {
    const iam = ['security.protocol=SASL_SSL', 'sasl.mechanism=AWS_MSK_IAM',
      'ssl.truststore.certificates=x',
      'sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler']
    const module = 'sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required;'
    const servers = 'bootstrap.servers=b-1.mirror.abc.c2.kafka.eu-west-1.amazonaws.com:9098'
    const expected = {
      'sasl.mechanism': 'OAUTHBEARER',
      'sasl.oauthbearer.method': 'aws-msk-iam',
      'security.protocol': 'SASL_SSL',
      'ssl.ca.pem': 'x'
    }
    assert.deepEqual(sourceClient([...iam, module, servers]),
      { ...expected, 'sasl.oauthbearer.aws.region': 'eu-west-1' })
    assert.equal(mskRegion('boot-x.c1.kafka-serverless.ap-southeast-2.amazonaws.com:9098', {}),
      'ap-southeast-2')
    const environment = { AWS_REGION: '', AWS_DEFAULT_REGION: 'us-gov-west-1' }
    assert.equal(mskRegion('10.0.0.1:9098', environment), 'us-gov-west-1')
    assert.match(problem([...iam, module]), /region of the brokers is not known.*set AWS_REGION/)
    assert.match(problem([...iam, servers]),
      /AWS_MSK_IAM needs sasl\.jaas\.config=.*IAMLoginModule/)
  })

const documentation = new URL(
  '../../../../node_modules/node-rdkafka/deps/librdkafka/CONFIGURATION.md', import.meta.url)

test("the lists of names are librdkafka's", { skip: !existsSync(documentation) }, () => {
  const documented = readFileSync(documentation, 'utf8').split('\n')
    .flatMap(line => /^([a-z][\w.]+) +\| +(?:\*|C|P) +\|/.exec(line)?.[1] ?? [])
  assert.ok(documented.length > 150)
  const known = new Set([...connectionProperties, ...otherProperties])
  assert.deepEqual(documented.filter(name => !known.has(name)), [])
  assert.deepEqual([...known].filter(name => !documented.includes(name)), [])
  assert.deepEqual([...connectionProperties].filter(name => otherProperties.has(name)), [])
})

test('each property with the name of a secret is marked as secret in its table', () => {
  const soundsSecret = new RegExp('password|passphrase|secret$|jaas\\.config|key\\.pem$|' +
    'keystore\\.key$|extensions$|oauthbearer\\.config$')
  for (const name of clientPropertyNames) {
    assert.equal(isSecret(name), soundsSecret.test(name), name)
  }
  const known = [...clientPropertyNames, 'api.token']
  for (const name of secretProperties) assert.ok(known.includes(name), name)
  assert.ok(isSecret('api.token'))
})

test('a secret is recognized after any prefix and in any case', () => {
  assert.equal(isSecret('A->B.source.consumer.override.sasl.jaas.config'), true)
  assert.equal(isSecret('SASL.Password'), true)
  assert.equal(isSecret('my-sasl.password.file'), false)
  assert.equal(redactValue('B.sasl.password', 'x'), '[redacted]')
  assert.equal(redactValue('client.id', 'y'), 'y')
})
