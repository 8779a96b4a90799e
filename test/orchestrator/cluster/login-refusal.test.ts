// librdkafka's texts for connections that a login or TLS ended, from Kafka 4.1's listeners, and the
// setting that each text concerns.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterError } from '../../../src/orchestrator/cluster/cluster-error.ts'
import {
  brokersSay, loginOf, refusedLogin
} from '../../../src/orchestrator/cluster/login-refusal.ts'
import { errorTable, type ErrorName } from '../../../src/orchestrator/errors/error-table.ts'

const rows: ReadonlyArray<[code: ErrorName, text: string, becomes: ErrorName, setting: string]> = [
  ['_AUTHENTICATION', 'sasl_plaintext://a:1/bootstrap: SASL authentication error: Authentication ' +
    'failed: Invalid username or password', 'CLUSTER_LOGIN_REFUSED', 'sasl.jaas.config'],
  ['_AUTHENTICATION', 'sasl_ssl://a:1/2: SASL PLAIN mechanism handshake failed: Broker: ' +
    "Unsupported SASL mechanism: broker's supported mechanisms: SCRAM-SHA-512",
  'CLUSTER_LOGIN_REFUSED', 'sasl.mechanism'],
  ['_AUTHENTICATION', 'sasl_plaintext://a:1/2: SASL OAUTHBEARER mechanism handshake failed: ' +
    "Broker: Request not valid in current SASL state: broker's supported mechanisms: ",
  'CLUSTER_LOGIN_REFUSED', 'sasl.jaas.config'],
  ['_AUTHENTICATION', 'sasl_plaintext://a:1/bootstrap: Failed to initialize SASL ' +
    'authentication: SASL handshake failed (start (-1)): SASL(-1): generic failure: GSSAPI ' +
    'Error: No credentials were supplied', 'CLUSTER_LOGIN_REFUSED', 'sasl.jaas.config'],
  // A connection that ends during a login was called a refused login.
  ['_TRANSPORT', 'sasl_plaintext://a:1/2: SASL OAUTHBEARER mechanism handshake failed: Local: ' +
    "Broker transport failure: broker's supported mechanisms: ",
  'CLUSTER_UNREACHABLE', 'bootstrap.servers'],
  ['_TRANSPORT', 'sasl_plaintext://a:1/2: SASL authentication error: SaslAuthenticateRequest ' +
    'failed: Local: Timed out', 'CLUSTER_UNREACHABLE', 'bootstrap.servers'],
  // The call said TIMED_OUT, and its row of the error table does not speak of logins.
  ['TIMED_OUT', 'got no answer within 4500 ms: sasl_plaintext://a:1/2: SASL PLAIN mechanism ' +
    "handshake failed: Local: Broker transport failure: broker's supported mechanisms: ",
  'CLUSTER_UNREACHABLE', 'bootstrap.servers'],
  ['_SSL', 'ssl://a:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate ' +
    'verify failed: broker certificate could not be verified', '_SSL', 'ssl.truststore.location'],
  ['_TRANSPORT', 'ssl://a:1/bootstrap: Receive failed: error:0A000412:SSL routines::sslv3 alert ' +
    'bad certificate: SSL alert number 42', '_SSL', 'ssl.keystore.location'],
  ['_TRANSPORT', 'a:1/bootstrap: Disconnected: connection closed by peer (does the listener want ' +
    'another security.protocol: TLS, a login?)', 'CLUSTER_UNREACHABLE', 'security.protocol'],
  ['_TRANSPORT', 'a:1/bootstrap: ApiVersionRequest failed: Local: Timed out: probably due to ' +
    'broker version < 0.10 (see api.version.request configuration) (after 10001ms in state ' +
    'APIVERSION_QUERY)', 'CLUSTER_UNREACHABLE', 'bootstrap.servers'],
  ['_TRANSPORT', 'a:1/bootstrap: Connect to ipv4#1.2.3.4:1 failed: Connection refused',
    'CLUSTER_UNREACHABLE', 'bootstrap.servers']
]

for (const [code, text, becomes, setting] of rows) {
  test(`${becomes} about ${setting}: ${text}`, () => {
    const error = clusterError('east',
      { code: errorTable[code].code, detail: `describeCluster: ${text}` }, 'describeCluster')
    assert.equal(error.errorName, becomes)
    assert.equal(error.setting, `east.${setting}`)
    assert.equal(error.cluster, 'east')
    assert.match(error.detail, /^cluster east: .*a:1/)
    assert.doesNotMatch(error.action, /NAME/)
  })
}

// Both errors said only to check what is right in the file.
test('a listener without SASL and an advertised address are named', () => {
  const actionAt = (detail: string): string => clusterError('east',
    { code: errorTable._TRANSPORT.code, detail }, 'describeCluster').action
  const noSasl = 'sasl_plaintext://a:1/bootstrap: SASL PLAIN mechanism handshake failed: Broker: ' +
    "Request not valid in current SASL state: broker's supported mechanisms: "
  assert.match(actionAt(noSasl), /no SASL, set east\.security\.protocol to PLAINTEXT or SSL/)
  assert.match(actionAt("k:9/1: Failed to resolve 'k:9': Name or service not known"),
    /advertised\.listeners/)
  assert.match(actionAt('k:9/1: Connect to ipv4#k:9 failed: Connection refused'),
    /advertised\.listeners/)
  assert.doesNotMatch(actionAt('k:9/bootstrap: Connect to ipv4#k:9 failed: Connection refused'),
    /advertised\.listeners/)
})

test('a login is named by its user and its mechanism, without a secret', () => {
  const login = (more: object): string | undefined => loginOf({
    'security.protocol': 'SASL_SSL', 'sasl.password': 'secret', ...more
  })
  assert.equal(login({ 'sasl.mechanism': 'PLAIN', 'sasl.username': 'mirror' }),
    'user mirror by PLAIN')
  assert.equal(login({ 'sasl.kerberos.principal': 'mirror@X' }), 'user mirror@X by GSSAPI')
  assert.equal(login({
    'sasl.mechanism': 'OAUTHBEARER', 'sasl.oauthbearer.config': 'principal=mirror lifeSeconds=9'
  }), 'user mirror by OAUTHBEARER')
  assert.equal(login({ 'sasl.mechanism': 'OAUTHBEARER' }), 'OAUTHBEARER')
  assert.equal(login({ 'security.protocol': 'ssl' }), undefined)
})

// The error of a client of the progress topic named neither the cluster nor the login.
test('a client of the control plane names its cluster, its login and itself', () => {
  const properties = {
    'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': 'PLAIN',
    'sasl.username': 'mirror', 'sasl.password': 'secret'
  }
  const east = { cluster: 'east', properties }
  const error = refusedLogin(east, 'sasl_plaintext://a:1/bootstrap: SASL authentication ' +
    'error: Authentication failed: Invalid username or password (after 5ms in state AUTH_REQ)',
  'group client')
  assert.equal(error?.detail, 'cluster east: broker a:1 (sasl_plaintext): SASL authentication ' +
    'error: Authentication failed: Invalid username or password ' +
    '(group client, user mirror by PLAIN)')
  assert.equal(error.cluster, 'east')
  assert.equal(error.setting, 'east.sasl.jaas.config')
  assert.equal(refusedLogin(east, 'a:1/bootstrap: Connection refused', 'client'), undefined)
})

test('attempts with the same text are one sentence, and each broker is named', () => {
  assert.equal(brokersSay('ssl://a:1/bootstrap: verify failed; ssl://a:1/bootstrap: handshake: ' +
    'verify failed: no; ssl://b:2/5: verify failed'),
  'broker a:1 (ssl): handshake: verify failed: no; broker b:2 (ssl): verify failed')
  assert.equal(brokersSay('a:1/bootstrap: gone; a:1/bootstrap: gone'), 'broker a:1: gone')
  assert.equal(brokersSay('nothing is known'), 'nothing is known')
})

// Regression: the text named the end of the connection twice, with librdkafka's list of mechanisms
// that no broker had sent.
test('a login that a broker does not answer is one sentence', () => {
  const error = clusterError('east', {
    code: errorTable.TIMED_OUT.code,
    detail: 'describeCluster got no answer within 2500 ms: ' +
      'sasl_ssl://a:1/bootstrap: Disconnected: connection closed by peer: receive 0; ' +
      'sasl_ssl://a:1/bootstrap: SASL PLAIN mechanism handshake failed: Local: Broker transport ' +
      "failure: broker's supported mechanisms: (n/a); sasl_ssl://b:2/5: SASL authentication " +
      'error: SaslAuthenticateRequest failed: Local: Timed out'
  }, 'describeCluster', 'user mirror by PLAIN')
  assert.equal(error.errorName, 'CLUSTER_UNREACHABLE')
  assert.equal(error.detail, 'cluster east: broker a:1 (sasl_ssl): closes the connection during ' +
    'the login by PLAIN, without an answer; broker b:2 (sasl_ssl): does not answer the login')
  assert.match(error.action, /Look into the log of that broker/)
})

// Regression: a program that accepts connections and never answers was called an old broker.
test('a broker that does not answer is not called old', () => {
  const error = clusterError('east', {
    code: errorTable._TRANSPORT.code,
    detail: 'describeCluster: a:1/bootstrap: ApiVersionRequest failed: Local: Timed out: ' +
      'probably due to broker version < 0.10 (see api.version.request configuration); ' +
      'b:2/bootstrap: Connect to ipv4#b:2 failed: Connection refused'
  }, 'describeCluster')
  assert.equal(error.detail, 'cluster east: broker a:1: accepts the connection, and does not ' +
    'answer; broker b:2: Connect to ipv4#b:2 failed: Connection refused')
  assert.match(error.action, /whether east\.bootstrap\.servers names a listener of Kafka/)
})
