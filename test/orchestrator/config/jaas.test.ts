// sasl.jaas.config -> librdkafka's SASL properties.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseJaas, translateJaas } from '../../../src/orchestrator/config/jaas.ts'

function translate (text: string, mechanism?: string): object | string {
  const jaas = parseJaas(text)
  assert.ok(jaas, text)
  const translated = translateJaas(jaas, mechanism)
  return translated.ok ? translated.properties : translated.reason
}

test('quoted options are read unquoted', () => {
  const value = fc.string()
  const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`
  fc.assert(fc.property(value, value, (username, password) => {
    const jaas = parseJaas('org.apache.kafka.common.security.plain.PlainLoginModule required\n' +
      `  username=${quote(username)}   password = ${quote(password)};  `)
    assert.equal(jaas?.module, 'PlainLoginModule')
    assert.deepEqual([...jaas?.options ?? []], [['username', username], ['password', password]])
  }))
})

test('a text that is not a login module with options is refused', () => {
  const broken = ['', ';', 'X', 'X required username', 'X required a="b', 'X maybe a="b";',
    'X required ="b";', 'X required a=b c;', 'X required; Y required;']
  for (const text of broken) assert.equal(parseJaas(text), undefined, text)
  assert.deepEqual(parseJaas("a.X REQUIRED u='v' w=z"), {
    module: 'X', options: new Map([['u', 'v'], ['w', 'z']])
  })
  assert.doesNotThrow(() => fc.assert(fc.property(fc.string(), text => { parseJaas(text) })))
})

test('PLAIN and SCRAM become user name and password', () => {
  assert.deepEqual(translate('x.PlainLoginModule required username="u" password="p";'),
    { 'sasl.mechanism': 'PLAIN', 'sasl.username': 'u', 'sasl.password': 'p' })
  assert.deepEqual(
    translate('x.ScramLoginModule required username="u" password="p";', 'scram-sha-256'),
    { 'sasl.mechanism': 'SCRAM-SHA-256', 'sasl.username': 'u', 'sasl.password': 'p' })
})

const iamModule = 'software.amazon.msk.auth.iam.IAMLoginModule'

test("AWS's login module and AWS's handler of OAUTHBEARER sign with IAM", () => {
  const expected = {
    'sasl.mechanism': 'OAUTHBEARER',
    'sasl.oauthbearer.method': 'aws-msk-iam',
    'sasl.oauthbearer.aws.role.arn': 'arn:aws:iam::1:role/x',
    'sasl.oauthbearer.aws.role.session.name': 'dr',
    'sasl.oauthbearer.aws.sts.region': 'eu-west-1'
  }
  const options = 'awsRoleArn="arn:aws:iam::1:role/x" awsRoleSessionName=dr ' +
    'awsStsRegion="eu-west-1" awsDebugCreds=true;'
  assert.deepEqual(translate(`${iamModule} required ${options}`, 'AWS_MSK_IAM'), expected)
  const jaas = parseJaas(`x.OAuthBearerLoginModule required ${options}`)
  assert.ok(jaas)
  assert.deepEqual(translateJaas(jaas, 'OAUTHBEARER',
    'software.amazon.msk.auth.iam.IAMOAuthBearerLoginCallbackHandler'),
  { ok: true, properties: expected })
})

test('modules that cannot log in are refused with the way out', () => {
  const refused: ReadonlyArray<readonly [string, string | undefined, RegExp]> = [
    ['x.PlainLoginModule required username="u";', undefined, /needs username=.*password=/],
    ['x.PlainLoginModule required username="u" password="p";', 'SCRAM-SHA-512', /does not go with/],
    ['x.ScramLoginModule required username="u" password="p";', undefined, /needs sasl\.mechanism=/],
    ['x.ScramLoginModule required username="u" password="p" tokenauth=true;', undefined,
      /delegation tokens/],
    [`${iamModule} required;`, 'PLAIN', /IAMLoginModule does not go with sasl\.mechanism=PLAIN/],
    [`${iamModule} required awsRoleAccessKeyId="k";`, 'AWS_MSK_IAM',
      /awsRoleAccessKeyId is not supported; put the credentials into a profile.*awsRoleArn/],
    ['x.Krb5LoginModule required keyTab="k";', 'PLAIN', /does not go with/],
    ['x.OAuthBearerLoginModule required clientId="i" clientSecret="s" extension_pool="p";',
      undefined, /extension_pool is not supported/],
    ['com.example.MyLoginModule required;', undefined, /MyLoginModule is a Java class/]
  ]
  for (const [text, mechanism, reason] of refused) {
    const refusal = translate(text, mechanism)
    assert.match(typeof refusal === 'string' ? refusal : '', reason, text)
  }
})

test('Kerberos becomes key tab, principal and service', () => {
  assert.deepEqual(translate('com.sun.security.auth.module.Krb5LoginModule required ' +
    'useKeyTab=true keyTab="/etc/k.keytab" principal="m@EXAMPLE.COM" serviceName="kafka";'), {
    'sasl.mechanism': 'GSSAPI', 'sasl.kerberos.keytab': '/etc/k.keytab',
    'sasl.kerberos.principal': 'm@EXAMPLE.COM', 'sasl.kerberos.service.name': 'kafka'
  })
})

test("OAUTHBEARER becomes OpenID Connect, with Kafka's and with Strimzi's options", () => {
  assert.deepEqual(translate('x.OAuthBearerLoginModule required clientId="i" clientSecret="s" ' +
    'scope="kafka";'), {
    'sasl.mechanism': 'OAUTHBEARER', 'sasl.oauthbearer.method': 'oidc',
    'sasl.oauthbearer.client.id': 'i', 'sasl.oauthbearer.client.secret': 's',
    'sasl.oauthbearer.scope': 'kafka'
  })
  assert.deepEqual(translate('x.OAuthBearerLoginModule required oauth.client.id="i" ' +
    'oauth.client.secret="s" oauth.token.endpoint.uri="https://x";'), {
    'sasl.mechanism': 'OAUTHBEARER', 'sasl.oauthbearer.method': 'oidc',
    'sasl.oauthbearer.client.id': 'i', 'sasl.oauthbearer.client.secret': 's',
    'sasl.oauthbearer.token.endpoint.url': 'https://x'
  })
})

test('an unsecured token keeps its subject, its life and its extensions', () => {
  assert.deepEqual(translate('x.OAuthBearerLoginModule required ' +
    'unsecuredLoginStringClaim_sub="me" unsecuredLoginLifetimeSeconds="60" ' +
    'unsecuredLoginExtension_traceId="7";'), {
    'sasl.mechanism': 'OAUTHBEARER', 'enable.sasl.oauthbearer.unsecure.jwt': 'true',
    'sasl.oauthbearer.config': 'principal=me lifeSeconds=60 extension_traceId=7'
  })
})
