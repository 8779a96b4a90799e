// Every kind of login that a MirrorMaker 2 file can configure, with a real broker: each client of a
// flow (admin, group, progress, both ends of the lanes) logs in at each listener. AWS's logins:
// msk-iam.test.ts; Kerberos: kerberos.long.test.ts.
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { storePassword } from '../kafka/certificates.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { startTokenServer } from '../kafka/token-server.ts'
import { seriesOf } from '../orchestrator/observability/exposition.ts'
import { untilRecords } from './comparison.ts'
import { startCountingRelay } from './counting-relay.ts'
import { numbered } from './failures/fault-probe.ts'
import {
  clusterProperties, lostPort, oidc, password, sasl, startLoginCluster, tls, type Login,
  type LoginCluster
} from './login-listeners.ts'
import {
  createPropertiesFile, spawnMirror, startMirror, type Properties
} from './mirror-process.ts'
import { smallFlows } from './mirrored-clusters.ts'

describe('logins', () => {
  let started: LoginCluster
  before(async () => {
    started = await startLoginCluster()
    await started.cluster.createTopic('orders')
    await produce(started.cluster.bootstrapServers, 'orders', numbered(0, 50))
  })
  after(async () => { await started.close() })

  // Addresses: a name whose first address, if the machine has it, is ::1, where no process listens;
  // dead servers and empty items in the list. Whether the log names these addresses depends on
  // which address librdkafka tries first. A ring: each cluster is the source of one flow and the
  // target of another.
  test('by each kind of store, certificate and password mirror records in both roles', async t => {
    const { certificates, cluster } = started
    const tokens = await startTokenServer(t, {
      client: 'mirror', secret: password, lifeSeconds: 3600
    })
    const logins = Object.entries({
      ...tls(certificates), ...sasl(certificates), oidc: oidc(tokens.url)
    })
    const flows = logins.map(([alias], index) =>
      [alias, logins[(index + 1) % logins.length]?.[0] ?? alias] as const)
    const mirror = await startMirror(t, createPropertiesFile(t, {
      ...smallFlows,
      'clusters': logins.map(([alias]) => alias).join(),
      ...Object.assign({}, ...logins.map(([alias, login]) =>
        clusterProperties(alias, login, cluster))) as Properties,
      'pem.bootstrap.servers': cluster.serversOf('TLS', 'localhost'),
      'jks.bootstrap.servers': `127.0.0.1:${lostPort},${cluster.serversOf('MUTUAL')},,`,
      ...Object.fromEntries(flows.map(([from, to]) => [`${from}->${to}.enabled`, true]))
    }), [], { SSL_CERT_FILE: certificates.path('ca.pem') })
    for (const [from] of flows) await untilRecords(mirror, cluster, `${from}.orders`, 50)
    await mirror.untilReady()
    const metrics = JSON.stringify([...(await mirror.metrics()).series])
    const command = readFileSync(`/proc/${mirror.pid}/cmdline`, 'utf8')
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    assert.deepEqual(mirror.log.filter(({ level, text }) =>
      level === 'error' || (level === 'warn' && ofLogin.test(text))), [])
    for (const text of [mirror.stdout, mirror.stderr, metrics, command]) {
      assert.doesNotMatch(text, secrets)
    }
    // Two flows, with all their clients.
    assert.equal(tokens.requests.length, 1)
    for (const [from] of flows) {
      const values = (await readTopic(cluster.bootstrapServers, `${from}.orders`))
        .map(({ value }) => String(value))
      assert.deepEqual(values, numbered(0, 50).map(({ value }) => value))
    }
  })

  // librdkafka reports all TLS cases with the same text.
  test('that are refused are named once with broker, reason and setting, by few connections',
    async t => {
      const { certificates, cluster } = started
      const relay = await startCountingRelay(t, () => cluster.serversOf('PASSWORD'))
      const tokens = await startTokenServer(t, { client: 'mirror', secret: password })
      const cases = refusedLogins(certificates, tokens.url)
      const mirror = spawnMirror(t, createPropertiesFile(t, {
        ...smallFlows,
        // If no process listens at the advertised address, the attempt ends with that address.
        'admin.timeout.ms': 20_000,
        'clusters': ['sound', 'pem', ...Object.keys(cases)].join(),
        'sound.bootstrap.servers': cluster.bootstrapServers,
        ...Object.assign({}, ...Object.entries(cases).map(([alias, { login }]) => ({
          ...clusterProperties(alias, login, cluster), [`${alias}->sound.enabled`]: true
        }))) as Properties,
        'password.bootstrap.servers': relay.address,
        // While one flow runs, the others are retried.
        ...clusterProperties('pem', tls(certificates)['pem'] as Login, cluster),
        'pem->sound.enabled': true
      }))
      for (const [alias, { login: { listener }, shows }] of Object.entries(cases)) {
        const { text } = await mirror.untilLogged(alias, ({ flow, level }) =>
          level === 'error' && flow === `${alias}->sound`)
        for (const each of shows) assert.match(text, each)
        assert.match(text, new RegExp(`cluster ${alias}: `))
        const addresses: Record<string, string> = { password: relay.address, oidc: tokens.url }
        const address = addresses[alias] ?? cluster.serversOf(listener)
        assert.ok(text.includes(address), text)
      }
      const { connections } = relay
      await mirror.until('another attempt', () => relay.connections > connections)
      // The line of the flow is the only one, whatever attempts follow.
      const lines = mirror.log.filter(({ level }) => level === 'error')
      assert.equal(lines.filter(({ flow }) => flow === 'password->sound').length, 1)
      assert.deepEqual(lines.filter(({ failures }) => failures === undefined), [])
      // The flow waits 1 s, 2 s and so on up to 30 s between its attempts.
      assert.ok(relay.connections <= 60, `${relay.connections} connections`)
      assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
      assert.doesNotMatch(`${mirror.stdout}${mirror.stderr}`, secrets)
    })

  // Files are replaced one after another: a key beside the certificate of another key would end a
  // running flow.
  test('continue with certificates that are replaced while the process runs', async t => {
    const { certificates, cluster } = started
    const own = certificates.path('own.pem')
    copyFileSync(certificates.path('mirror.pem'), own)
    const { mutual } = tls(certificates)
    assert.ok(mutual)
    const mirror = await startMirror(t, createPropertiesFile(t, {
      ...smallFlows,
      'clusters': 'own, plain',
      'own->plain.enabled': true,
      'file.check.interval.ms': 100,
      'plain.bootstrap.servers': cluster.bootstrapServers,
      ...clusterProperties('own', mutual, cluster),
      'own.ssl.keystore.location': own
    }))
    await untilRecords(mirror, cluster, 'own.orders', 50)
    const ends = seriesOf(await mirror.metrics(), 'longhaul_certificate_expiry_timestamp_seconds')
    assert.deepEqual(Object.keys(ends), ['client', 'authority'].map(of =>
      `{cluster="own",of="${of}",source="own",target="plain"}`))
    for (const end of Object.values(ends)) {
      assert.ok(end > Date.now() / 1000 + 29 * 86_400 && end < Date.now() / 1000 + 31 * 86_400)
    }

    const former = readFileSync(own, 'utf8')
    await certificates.renew('mirror')
    const renewed = readFileSync(certificates.path('mirror.pem'), 'utf8')
    const [key = ''] = former.split('-----BEGIN CERTIFICATE-----', 1)
    writeFileSync(own, key + renewed.slice(renewed.indexOf('-----BEGIN CERTIFICATE-----')))
    const refused = await mirror.untilLogged('the files that do not fit', ({ level }) =>
      level === 'error')
    assert.match(refused.text, /own\.pem; the previous ones stay in use: .*the key does not belong/)
    writeFileSync(own, renewed)
    await mirror.untilLogged('the files that fit', ({ text }) =>
      /own->plain is drained and restarted: own\.ssl\.certificate\.location/.test(text))
    await produce(cluster.bootstrapServers, 'orders', numbered(50, 60))
    await untilRecords(mirror, cluster, 'own.orders', 60)
    assert.deepEqual(await mirror.stop(), { code: 0, signal: null })
    assert.equal(mirror.log.filter(({ level }) => level === 'error').length, 1)
    const values = (await readTopic(cluster.bootstrapServers, 'own.orders'))
      .map(({ value }) => String(value))
    assert.deepEqual(values, numbered(0, 60).map(({ value }) => value))
  })
})

const secrets = new RegExp(`${password}|${storePassword}|wrong-secret|PRIVATE KEY`)

/** Matches log lines about a login, a certificate, a token or a permission. */
const ofLogin =
  /\((_SSL|_AUTHENTICATION|SASL_\w+|CLUSTER_LOGIN_REFUSED|TOKEN_\w+|\w+_AUTHORIZ\w+)\)/

interface RefusedLogin {
  readonly login: Login
  readonly shows: readonly RegExp[]
}

function refusedLogins (
  certificates: LoginCluster['certificates'], tokenUrl: string
): Record<string, RefusedLogin> {
  const { plain, scram512 } = sasl(certificates) as Record<string, Login>
  const { pem } = tls(certificates) as Record<string, Login>
  const wrong = ({ listener, properties }: Login): Login => ({
    listener,
    properties: {
      ...properties,
      'sasl.jaas.config': String(properties['sasl.jaas.config']).replace(password, 'wrong-secret')
    }
  })
  const trusting = (listener: string, file: string): Login => ({
    listener,
    properties: { 'security.protocol': 'SSL', 'ssl.truststore.location': certificates.path(file) }
  })
  return {
    password: {
      login: wrong(plain as Login),
      shows: [/Invalid username or password \(admin client, user mirror by PLAIN\)/,
        /password in password\.sasl\.jaas\.config/]
    },
    oidc: {
      login: oidc(tokenUrl, 'wrong-secret'),
      shows: [/answers 401 \(invalid_client\)/, /the secret .* in oidc\.sasl\.jaas\.config/]
    },
    scram: { login: wrong(scram512 as Login), shows: [/scram\.sasl\.jaas\.config/] },
    mechanism: {
      login: { listener: 'SCRAM', properties: { ...scram512?.properties, ...plain?.properties,
        'security.protocol': 'SASL_SSL' } },
      shows: [/supported mechanisms: .*SCRAM-SHA-256/, /Set mechanism\.sasl\.mechanism/]
    },
    authority: {
      login: trusting('TLS', 'other-ca.pem'),
      shows: [/issued by CN=ca, whom .*other-ca\.pem does not trust/,
        /authority\.ssl\.truststore\.location/]
    },
    name: {
      login: trusting('STRANGER', 'ca.pem'),
      shows: [/is for DNS:kafka\.elsewhere\.example, not for 127\.0\.0\.1/]
    },
    expired: { login: trusting('EXPIRED', 'expired.pem'), shows: [/\(CN=expired\) ended on /] },
    anonymous: {
      login: { listener: 'MUTUAL', properties: pem?.properties ?? {} },
      shows: [/anonymous\.ssl\.keystore\.location/]
    },
    protocol: {
      login: { listener: 'TLS', properties: {} },
      shows: [/protocol\.security\.protocol/]
    },
    lost: { login: { listener: 'LOST', properties: {} }, shows: [/127\.0\.0\.1:1\b/] }
  }
}
