// THE table of the Java client's properties: the property of librdkafka that each becomes, or why
// it has no effect. Names with the same meaning in both need no row.

export type ClientRule = {
  /** The value is never shown. librdkafka's secret properties are in the contract table. */
  readonly secret?: true
} & (
  /** Another name; `convert` returns the value, or undefined if librdkafka has no equivalent. */
  | { readonly to: string, convert? (value: string): string | undefined }
  /** Read together with others: trust store, key store, login. */
  | { readonly part: 'trust store' | 'key store' | 'login' }
  /** No effect. No warning for a value that `like` matches: Longhaul always behaves that way. */
  | { readonly none: string, readonly like?: RegExp }
)

const javaOnly = 'it configures the Java virtual machine; OpenSSL is used here'
const javaClass = 'Java classes cannot run here'
const noRecords = 'record batches are forwarded as they are stored'
const noGroup = 'partitions are assigned by the flow, not by a consumer group of this name'
const brokerSide = 'it is a setting of brokers'
const tokenLife = 'tokens are refreshed after 80 % of their life'
const inOrder = 'Longhaul retries in order until it succeeds'

// -1 is the system's default in Java, 0 in librdkafka.
const bufferSize = (value: string) => value === '-1' ? '0' : value
/**
 * librdkafka keeps metadata three times as long, in microseconds of 32 bits: above 715 s they
 * overflow, librdkafka forgets metadata at once, and finds no leader for a request for offsets.
 */
const metadataRefreshMsMax = 600_000
const refreshInterval = (value: string) =>
  Number(value) > metadataRefreshMsMax ? String(metadataRefreshMsMax) : value
/** As Java reads it: an empty item between two commas is ignored. */
const serverList = (value: string) =>
  value.split(',').map(server => server.trim()).filter(server => server !== '').join(',')

export const clientTable: Readonly<Record<string, ClientRule>> = {
  'bootstrap.servers': { to: 'bootstrap.servers', convert: serverList },
  'metadata.broker.list': { to: 'bootstrap.servers', convert: serverList },
  'request.timeout.ms': { to: 'socket.timeout.ms' },
  'metadata.max.age.ms': { to: 'topic.metadata.refresh.interval.ms', convert: refreshInterval },
  'topic.metadata.refresh.interval.ms': {
    to: 'topic.metadata.refresh.interval.ms', convert: refreshInterval
  },
  'send.buffer.bytes': { to: 'socket.send.buffer.bytes', convert: bufferSize },
  'receive.buffer.bytes': { to: 'socket.receive.buffer.bytes', convert: bufferSize },
  'socket.connection.setup.timeout.max.ms': {
    none: 'librdkafka has one limit, socket.connection.setup.timeout.ms'
  },
  'default.api.timeout.ms': { none: 'admin.timeout.ms bounds requests of the control plane' },

  'ssl.truststore.location': { part: 'trust store' },
  'ssl.truststore.password': { part: 'trust store', secret: true },
  'ssl.truststore.certificates': { part: 'trust store' },
  'ssl.truststore.type': { none: 'the file tells it', like: /^(jks|pkcs12|pem)$/i },
  'ssl.keystore.location': { part: 'key store' },
  'ssl.keystore.password': { part: 'key store', secret: true },
  'ssl.keystore.key': { part: 'key store', secret: true },
  'ssl.keystore.certificate.chain': { part: 'key store' },
  'ssl.key.password': { part: 'key store', secret: true },
  'ssl.keystore.type': { none: 'the file tells it', like: /^(jks|pkcs12|pem)$/i },
  'ssl.endpoint.identification.algorithm': {
    to: 'ssl.endpoint.identification.algorithm',
    convert: value => /^(|none|https)$/i.test(value) ? value.toLowerCase() || 'none' : undefined
  },
  'ssl.cipher.suites': { to: 'ssl.cipher.suites', convert: opensslCiphers },
  'ssl.enabled.protocols': { none: javaOnly },
  'ssl.protocol': { none: javaOnly },
  'ssl.provider': { none: javaOnly },
  'ssl.keymanager.algorithm': { none: javaOnly },
  'ssl.trustmanager.algorithm': { none: javaOnly },
  'ssl.secure.random.implementation': { none: javaOnly },
  'ssl.engine.factory.class': { none: javaClass },
  'security.providers': { none: javaClass },

  'sasl.jaas.config': { part: 'login', secret: true },
  'sasl.mechanisms': { to: 'sasl.mechanism' },
  // In Java the path of kinit, in librdkafka a whole command.
  'sasl.kerberos.kinit.cmd': {
    to: 'sasl.kerberos.kinit.cmd', convert: value => value.includes(' ') ? value : undefined
  },
  'sasl.kerberos.ticket.renew.jitter': { none: 'kinit renews tickets here' },
  'sasl.kerberos.ticket.renew.window.factor': { none: 'kinit renews tickets here' },
  'sasl.oauthbearer.client.credentials.client.id': { to: 'sasl.oauthbearer.client.id' },
  'sasl.oauthbearer.client.credentials.client.secret': {
    to: 'sasl.oauthbearer.client.secret', secret: true
  },
  'sasl.client.callback.handler.class': {
    none: javaClass, like: /\.IAM(OAuthBearerLogin|Client)CallbackHandler$/
  },
  'sasl.login.callback.handler.class': {
    none: javaClass, like: /(OAuthBearerLoginCallbackHandler|JaasClientOauthLoginCallbackHandler)$/
  },
  'sasl.login.class': { none: javaClass },
  'sasl.login.connect.timeout.ms': { none: 'librdkafka has its own limits for logins' },
  'sasl.login.read.timeout.ms': { none: 'librdkafka has its own limits for logins' },
  'sasl.login.retry.backoff.ms': { none: 'librdkafka has its own limits for logins' },
  'sasl.login.retry.backoff.max.ms': { none: 'librdkafka has its own limits for logins' },
  'sasl.login.refresh.buffer.seconds': { none: tokenLife },
  'sasl.login.refresh.min.period.seconds': { none: tokenLife },
  'sasl.login.refresh.window.factor': { none: tokenLife },
  'sasl.login.refresh.window.jitter': { none: tokenLife },
  'sasl.oauthbearer.clock.skew.seconds': { none: brokerSide },
  'sasl.oauthbearer.expected.audience': { none: brokerSide },
  'sasl.oauthbearer.expected.issuer': { none: brokerSide },
  'sasl.oauthbearer.header.urlencode': {
    none: 'client id and secret are sent as they are', like: /^false$/i
  },
  'sasl.oauthbearer.jwks.endpoint.url': { none: brokerSide },
  'sasl.oauthbearer.jwks.endpoint.refresh.ms': { none: brokerSide },
  'sasl.oauthbearer.jwks.endpoint.retry.backoff.ms': { none: brokerSide },
  'sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms': { none: brokerSide },
  'sasl.oauthbearer.scope.claim.name': { none: brokerSide },
  'sasl.oauthbearer.sub.claim.name': { none: brokerSide },

  'acks': { none: 'Longhaul always waits for all replicas', like: /^(all|-1)$/i },
  'request.required.acks': { none: 'Longhaul always waits for all replicas', like: /^(all|-1)$/i },
  'enable.idempotence': {
    none: 'Longhaul writes idempotently wherever the target can', like: /^true$/i
  },
  'retries': { none: inOrder, like: /^2147483647$/ },
  'delivery.timeout.ms': { none: inOrder },
  'max.block.ms': { none: 'a full lane stops fetching; see in.flight.bytes.max' },
  'buffer.memory': { none: 'in.flight.bytes.max bounds the memory of all lanes' },
  'compression.type': { none: 'batches keep the compression that their producer chose' },
  'compression.gzip.level': { none: 'batches keep the compression that their producer chose' },
  'compression.lz4.level': { none: 'batches keep the compression that their producer chose' },
  'compression.zstd.level': { none: 'batches keep the compression that their producer chose' },
  'key.serializer': { none: noRecords, like: /\.ByteArraySerializer$/ },
  'value.serializer': { none: noRecords, like: /\.ByteArraySerializer$/ },
  'partitioner.class': { none: 'a record stays in its partition' },
  'partitioner.adaptive.partitioning.enable': { none: 'a record stays in its partition' },
  'partitioner.availability.timeout.ms': { none: 'a record stays in its partition' },
  'partitioner.ignore.keys': { none: 'a record stays in its partition' },
  'metadata.max.idle.ms': { none: 'Longhaul asks for the metadata of mirrored topics alone' },
  'transactional.id': { none: 'exactly once needs no transactions here' },
  'transaction.timeout.ms': { none: 'exactly once needs no transactions here' },
  'transaction.two.phase.commit.enable': { none: 'exactly once needs no transactions here' },
  'interceptor.classes': { none: javaClass },
  'metric.reporters': { none: 'Longhaul serves Prometheus metrics' },
  'metrics.num.samples': { none: 'Longhaul serves Prometheus metrics' },
  'metrics.recording.level': { none: 'Longhaul serves Prometheus metrics' },
  'metrics.sample.window.ms': { none: 'Longhaul serves Prometheus metrics' },
  'auto.include.jmx.reporter': { none: 'Longhaul serves Prometheus metrics' },

  'key.deserializer': { none: noRecords, like: /\.ByteArrayDeserializer$/ },
  'value.deserializer': { none: noRecords, like: /\.ByteArrayDeserializer$/ },
  'check.crcs': { none: 'the target broker checks every batch', like: /^true$/i },
  'enable.auto.commit': { none: noGroup, like: /^false$/i },
  'auto.commit.interval.ms': { none: noGroup },
  'group.id': { none: noGroup },
  'group.instance.id': { none: noGroup },
  'group.protocol': { none: noGroup },
  'group.remote.assignor': { none: noGroup },
  'partition.assignment.strategy': { none: noGroup },
  'session.timeout.ms': { none: noGroup },
  'heartbeat.interval.ms': { none: noGroup },
  'max.poll.interval.ms': { none: noGroup },
  'max.poll.records': { none: 'Longhaul fetches batches, not records; see fetch.max.bytes' },
  'allow.auto.create.topics': { none: 'Longhaul creates remote topics itself' },
  'exclude.internal.topics': { none: 'internal topics are never mirrored', like: /^true$/i },
  'share.acknowledgement.mode': { none: noGroup }
}

/**
 * JSSE names to OpenSSL names; undefined if one is not known. TLS 1.3 suites are always enabled.
 */
function opensslCiphers (value: string): string | undefined {
  const names = value.split(/[,:\s]+/).filter(name => name !== '')
  const translated = names.map(opensslCipher)
  return translated.includes(undefined) ? undefined
    : translated.filter(name => name !== '').join(':')
}

function opensslCipher (name: string): string | undefined {
  if (/^TLS_(AES|CHACHA20)_/.test(name)) return ''
  if (!name.startsWith('TLS_')) return name
  const [, exchange = '', cipher = ''] = /^TLS_(\w+)_WITH_(\w+)$/.exec(name) ?? []
  if (!/^((ECDHE|DHE)_(RSA|ECDSA)|RSA)$/.test(exchange)) return undefined
  const prefix = exchange === 'RSA' ? '' : `${exchange.replace('_', '-')}-`
  if (cipher === 'CHACHA20_POLY1305_SHA256') return `${prefix}CHACHA20-POLY1305`
  const [, bits, mode, digest] = /^AES_(128|256)_(GCM|CBC)_(SHA\d*)$/.exec(cipher) ?? []
  if (bits === undefined) return undefined
  return `${prefix}AES${bits}-${mode === 'GCM' ? 'GCM-' : ''}${digest}`
}
