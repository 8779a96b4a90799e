// librdkafka's log lines in the texts of the error table.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientLineText, isLoginLine } from '../../../src/orchestrator/errors/client-lines.ts'

const rows: ReadonlyArray<readonly [line: string, says: RegExp]> = [
  ['target: 2/2 brokers are down (ERROR)', /^no broker of the cluster answers\. .*DOWN\)$/],
  ['target: 1/2 brokers are down (ERROR)', /\(_TRANSPORT\)$/],
  ['source: [thrd:10.0.0.1:9092/bootstrap]: 10.0.0.1:9092/bootstrap: Disconnected while ' +
    'requesting ApiVersion: might be caused by incorrect security.protocol configuration or ' +
    'broker version is < 0.10 (FAIL)',
  /^the connection .*: 10\.0\.0\.1:9092, the broker closed .*security/],
  ['source: east.example:9092/3: Connect to ipv4#10.0.0.3:9092 failed: Connection refused (FAIL)',
    /: broker 3 at east\.example:9092, Connection refused\. .*\(_TRANSPORT\)$/],
  ['source: [::1]:9092/bootstrap: Connect to ipv6#[::1]:9092 failed: Connection refused (FAIL)',
    /: \[::1\]:9092, Connection refused\. .*\(_TRANSPORT\)$/],
  ['source: [thrd:fe80::a1:9092/3]: fe80::a1:9092/3: Connect to ipv6#[fe80::a1]:9092 failed: ' +
    'Connection refused (FAIL)', /: broker 3 at fe80::a1:9092, Connection refused\. /],
  ['source: [fe80::a1%br-lan]:9092/bootstrap: Connect to ipv6#[fe80::a1%br-lan]:9092 failed: ' +
    'Connection refused (FAIL)', /: \[fe80::a1%br-lan\]:9092, Connection refused\. /],
  // The address of a TLS or SASL listener names the protocol, whatever the line reports.
  ['source: ssl://127.0.0.1:9093/bootstrap: Connect to ipv4#127.0.0.1:9093 failed: Connection ' +
    'refused (after 0ms in state CONNECT) (FAIL)',
  /: 127\.0\.0\.1:9093, Connection refused\. .*\(_TRANSPORT\)$/],
  ['target: sasl_ssl://e.x:9093/2: 1 request(s) timed out: disconnect (REQTMOUT)',
    /: broker 2 at e\.x:9093\. .*\(_TIMED_OUT\)$/],
  ['source: e.x:9092/bootstrap: Failed to resolve e.x:9092: Name or service not known (FAIL)',
    /\(_RESOLVE\)$/],
  ['target: e.x:9092/1: SSL handshake failed: certificate verify failed (FAIL)', /\(_SSL\)$/],
  ['source: ssl://e.x:9093/1: Receive failed: error:0A000418:SSL routines::tlsv1 alert unknown ' +
    'ca: SSL alert number 48 (FAIL)',
  /: broker 1 at e\.x:9093, the broker refuses the certificate of the client.*keystore.*\(_SSL\)$/],
  ['target: e.x:9092/1: SASL authentication error (FAIL)', /\(_AUTHENTICATION\)$/],
  ['target: e.x:9092/1: 3 request(s) timed out: disconnect (REQTMOUT)', /\(_TIMED_OUT\)$/]
]

for (const [line, says] of rows) {
  test(`"${line.slice(0, 50)}" has the text of the error table`, () => {
    const text = clientLineText(line) ?? ''
    assert.match(text, says)
    assert.doesNotMatch(text, /0\.10|ERROR|FAIL|ipv4#/)
  })
}

test('a refused login names who logs in, and other lines do not', () => {
  const line = 'target: [thrd:sasl_plaintext://e.x:9092/1]: sasl_plaintext://e.x:9092/1: SASL ' +
    'authentication error: Authentication failed: Invalid username or password (after 3ms in ' +
    'state AUTH_REQ) (FAIL)'
  assert.match(clientLineText(line, 'lanes, user mirror by PLAIN') ?? '',
    /: broker 1 at e\.x:9092, Invalid username or password, lanes, user mirror by PLAIN\. /)
  assert.doesNotMatch(clientLineText('target: e.x:9092/1: Connect failed (FAIL)', 'lanes') ?? '',
    /lanes/)
})

// Regression: the lines name the mechanism, so they were said to be refusals. The operator checked
// a password that no broker had judged, and the flow was not ready because of a refused login.
test('a login that the broker did not answer is no refused login', () => {
  const lineOf = (text: string): string => 'source: [thrd:sasl_plaintext://e.x:9093/2]: ' +
    `sasl_plaintext://e.x:9093/2: SASL ${text} (after 0ms in state DOWN) (FAIL)`
  const closed = /^the connection .*: broker 2 at e\.x:9093, the broker closed the connection d/
  const cases = [
    ["PLAIN mechanism handshake failed: Local: Broker transport failure: broker's supported " +
      'mechanisms: (n/a)', closed, '_TRANSPORT'],
    ['authentication error: SaslAuthenticateRequest failed: Local: Broker transport failure',
      closed, '_TRANSPORT'],
    ['authentication error: SaslAuthenticateRequest failed: Local: Timed out',
      /: broker 2 at e\.x:9093, the broker did not answer the login, /, '_TIMED_OUT']
  ] as const
  for (const [text, says, name] of cases) {
    const line = lineOf(text)
    assert.equal(isLoginLine(line), false)
    const own = clientLineText(line, 'lanes, user mirror by PLAIN') ?? ''
    assert.match(own, says)
    assert.match(own, /, lanes, user mirror by PLAIN\. Look into the log of that broker/)
    assert.match(own, new RegExp(`\\(${name}\\)$`))
  }
})

test('a line that the table does not know is unchanged', () => {
  assert.equal(clientLineText('target: Unexpected thing (ODD)'), undefined)
})
