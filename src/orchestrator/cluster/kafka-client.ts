// node-rdkafka's clients of the control plane (group, progress): their common settings, their
// callbacks as promises with bounds, their errors as ReplicatorError. Main thread only.
import { createRequire } from 'node:module'
import rdkafka, { type KafkaConsumer, type LibrdKafkaError, type Producer } from 'node-rdkafka'
import type { ClientProperties, ClusterClient } from '../config/client-properties.ts'
import { clientLineDetail } from '../errors/client-lines.ts'
import { errorByCode, errorTable } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { systemClock } from '../time/clock.ts'
import type { Isolation } from './cluster-admin.ts'
import { grantAction, orUnreachable } from './cluster-error.ts'
import { loginOf, refusedLogin } from './login-refusal.ts'
import { quickClientProperties, unansweredMsMax } from './quick-client.ts'
import { RefusedLogins } from './refused-logins.ts'
import { holdToken, type TokenHold } from './token-source.ts'

/** Properties that the user set for the cluster take precedence. */
export function controlClientProperties (
  { properties }: ClusterClient, unansweredMs = unansweredMsMax
): ClientProperties {
  return quickClientProperties({
    'socket.timeout.ms': String(unansweredMs),
    // The leader of a partition may change without an error at the client: the old leader hangs.
    'topic.metadata.refresh.interval.ms': '5000',
    ...properties
  }, 'longhaul-progress')
}

export interface ReadingConsumerOptions {
  readonly client: ClusterClient
  /**
   * The client never joins this group, but librdkafka asks for its coordinator: needs READ on it.
   */
  readonly group: string
  /** The longest wait of a Fetch at the end of a log. */
  readonly pollMs: number
  /** The limit of records that are prefetched and not yet consumed, over all partitions. */
  readonly prefetchKilobytes: number
  /** By default librdkafka's, read_committed. */
  readonly isolation?: Isolation
}

/** A consumer that is assigned by hand, reports the ends of partitions, and commits nothing. */
export function createReadingConsumer (
  { client, group, isolation, pollMs, prefetchKilobytes }: ReadingConsumerOptions
): KafkaConsumer {
  const consumer = new rdkafka.KafkaConsumer({
    ...controlClientProperties(client),
    'group.id': group,
    'enable.auto.commit': false,
    'enable.partition.eof': true,
    'fetch.wait.max.ms': pollMs,
    'topic.metadata.propagation.max.ms': missingTopicMs,
    'queued.max.messages.kbytes': prefetchKilobytes,
    ...isolation !== undefined && { 'isolation.level': isolation }
  }, { 'auto.offset.reset': 'earliest' })
  consumer.setDefaultConsumeTimeout(pollMs)
  return consumer
}

/**
 * connect() describes the cluster on one of libuv's four threads, which DNS and files also need: so
 * each attempt is short, and other work gets the thread between two attempts.
 */
const attemptMsMax = 5_000
/**
 * How long the next address has after one has failed. A dead address says nothing about the next
 * one, on which a loaded machine may need seconds for TLS and a login. librdkafka connects to a
 * bootstrap server, and then anew to the broker that this server names; it closes a connection that
 * is not logged in within unansweredMsMax.
 */
const nextAddressMsMax = 2 * unansweredMsMax
const disconnectMsMax = 1_500
/**
 * librdkafka reports only after this time that a topic does not exist: a broker may not know a new
 * topic yet. 30 s by default.
 */
const missingTopicMs = 3_000
// node-rdkafka flushes a producer for 5 s by default.
const flushMs = 1

/** Of all clients of the process. */
const refusedLogins = new RefusedLogins(systemClock)

/** The tokens of clients that log in with tokens, from connect() to disconnect(). */
const tokens = new WeakMap<KafkaConsumer | Producer, TokenHold>()

/**
 * `of` is what controlClientProperties() receives; `name` is for errors.
 * Waits up to `timeoutMs` for brokers that are slow. If a connection to a broker fails meanwhile,
 * rejects after nextAddressMsMax.
 * After a refused login, rejects with the same error for a while, without asking a broker.
 */
export async function connect (
  client: KafkaConsumer | Producer, timeoutMs: number, of = noCluster, name = 'client'
): Promise<void> {
  const { properties } = of
  const hasLogin = loginOf(properties) !== undefined
  if (hasLogin) refusedLogins.mustTry(properties)
  rememberRefusals(client, of, name)
  const hold = holdToken(properties, token => { client.setOauthBearerToken(token) })
  try {
    await hold?.token()
    await connectOnce(client, timeoutMs, of)
  } catch (thrown) {
    hold?.release()
    const error = refusals.get(client)
    if (!hasLogin || error === undefined) throw thrown
    refusedLogins.refuse(properties, error)
    throw error
  }
  if (hasLogin) refusedLogins.accept(properties)
  if (hold !== undefined) tokens.set(client, hold)
}

const noCluster: ClusterClient = { cluster: '', properties: {} }

/** Both classes of clients, whose own types share no call of on(). */
interface ClientEvents {
  on (event: 'event.log', listener: (line: { readonly message: string }) => void): unknown
  on (event: 'event.error', listener: (thrown: unknown) => void): unknown
}

/** By client: the last refusal of its login that its log names. */
const refusals = new WeakMap<KafkaConsumer | Producer, ReplicatorError>()

function rememberRefusals (
  client: KafkaConsumer | Producer, of: ClusterClient, name: string
): void {
  const emitter: ClientEvents = client
  emitter.on('event.log', ({ message }) => {
    const error = refusedLogin(of, message, name)
    if (error !== undefined) refusals.set(client, error)
  })
}

/** With the refusal that the client's log names, if the error is that of a login. */
export function withRefusal (
  client: KafkaConsumer | Producer, error: ReplicatorError
): ReplicatorError {
  return error.isLoginRefused ? refusals.get(client) ?? error : error
}

async function connectOnce (
  client: KafkaConsumer | Producer, timeoutMs: number, of: ClusterClient
): Promise<void> {
  const { cluster, properties } = of
  const servers = properties['bootstrap.servers']
  const where = servers === undefined ? '' : ` to cluster ${cluster} at ${servers}`
  const broker = rememberBroker(client)
  const startMs = systemClock.monotonic()
  const describe = client.getMetadata.bind(client)
  client.getMetadata = patient(describe, startMs + timeoutMs, () =>
    broker() !== '' && systemClock.monotonic() >= startMs + nextAddressMsMax)
  try {
    await new Promise<void>((resolve, reject) => {
      // Otherwise the client would describe all topics, megabytes on a large cluster.
      client.connect({ allTopics: false }, (error: LibrdKafkaError | null) => {
        if (isNone(error)) resolve()
        else {
          reject(orUnreachable(of, clientError(error, `connecting${where}`, undefined, broker())))
        }
      })
    })
  } finally {
    client.getMetadata = describe
  }
}

/**
 * connect() describes the cluster once, and closes the client if no broker answers in time. With
 * this it asks again until `untilMs` or `hasFailed`: the connections that the client opens remain
 * between two attempts.
 */
function patient (
  describe: Producer['getMetadata'], untilMs: number, hasFailed: () => boolean
): Producer['getMetadata'] {
  return function ask (options, done): void {
    const leftMs = Math.max(1, Math.ceil(untilMs - systemClock.monotonic()))
    const isLast = leftMs <= attemptMsMax
    describe({ ...options, timeout: Math.min(leftMs, attemptMsMax) }, (error, metadata) => {
      if (isLast || hasFailed() || !unanswered.has(codeOf(error))) done?.(error, metadata)
      else ask(options, done)
    })
  }
}

/** Codes of a description that no broker has answered in time. */
const unanswered: ReadonlySet<number | undefined> =
  new Set([errorTable._TIMED_OUT.code, errorTable._TRANSPORT.code])

/**
 * Never rejects: a client that does not end in time keeps running until the process ends. Records
 * that a producer has not sent by now are dropped. The caller must not poll the client any more.
 */
export async function disconnect (client: KafkaConsumer | Producer): Promise<void> {
  tokens.get(client)?.release()
  if (!client.isConnected()) return
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, disconnectMsMax)
    const onEnd = (): void => {
      clearTimeout(timer)
      resolve()
    }
    if (client instanceof rdkafka.Producer) {
      // Otherwise the producer's timer would poll until another thread has destroyed the client;
      // node-rdkafka's poll() holds no lock and would read freed memory: the process would crash.
      client.setPollInterval(0)
      client.disconnect(flushMs, onEnd)
    } else {
      client.disconnect(onEnd)
    }
  })
}

/**
 * One poll: serves callbacks, emits 'data' and 'partition.eof' for up to `recordsMax` records, and
 * waits no longer than the consumer's consume timeout. Never call consume() without a count: its
 * thread and handle outlive the client, and a record or an error that arrives afterwards is
 * delivered to freed memory, which ends the process (node-rdkafka issue 1057).
 */
export async function poll (
  consumer: KafkaConsumer, recordsMax: number,
  toError = (thrown: unknown): ReplicatorError => clientError(thrown, 'polling')
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    consumer.consume(recordsMax, (error: LibrdKafkaError | null) => {
      if (isNone(error)) resolve()
      else reject(toError(error))
    })
  })
}

/** What a client of a cluster last reported of all its brokers. */
export interface AllDown {
  /** Undefined if a broker has answered since, as far as the caller knows. */
  error: ReplicatorError | undefined
}

/**
 * Remembers the report that no broker of the cluster answers. An error of one connection is no such
 * report: the other brokers may be well. The caller clears the report when records arrive.
 */
export function rememberAllDown (
  client: KafkaConsumer | Producer, { cluster, properties }: ClusterClient
): AllDown {
  const seen: AllDown = { error: undefined }
  const broker = rememberBroker(client)
  const emitter: ClientEvents = client
  emitter.on('event.error', thrown => {
    if (codeOf(thrown) !== errorTable._ALL_BROKERS_DOWN.code) return
    const servers = properties['bootstrap.servers'] ?? ''
    seen.error = clientError(thrown, `cluster ${cluster} at ${servers}`, undefined, broker())
  })
  return seen
}

/**
 * The broker that the client's log names last, with the reason if the log names one: node-rdkafka
 * omits both from the errors of connections that it emits. '' before the log names a broker.
 */
export function rememberBroker (client: KafkaConsumer | Producer): () => string {
  let seen = ''
  const emitter: ClientEvents = client
  emitter.on('event.log', ({ message }: { readonly message: string }) => {
    const detail = clientLineDetail(message)
    if (detail !== undefined && /:\d+/.test(detail)) seen = detail
  })
  return () => seen
}

/**
 * The one conversion of node-rdkafka's errors, some of which are plain objects, to ReplicatorError.
 * `needs` is the permission that `doing` needs: "WRITE on the topic orders". `broker`: see
 * rememberBroker().
 */
export function clientError (
  thrown: unknown, doing: string, needs?: string, broker = ''
): ReplicatorError {
  if (thrown instanceof ReplicatorError) return thrown
  const code = codeOf(thrown)
  if (code === undefined) return ReplicatorError.from(thrown)
  const named = connectionErrors.has(code) ? broker : ''
  // librdkafka's text for a code repeats the row of the code; only the cause keeps that text.
  const seen = isTextOfCode(thrown) ? named : seenIn(code, textOf(thrown))
  const detail = seen === '' ? doing : `${doing}: ${seen}`
  return new ReplicatorError(errorByCode(code), detail,
    { cause: thrown, ...grantAction(code, needs) })
}

/** Whether the client that raised the error is unusable and must be replaced. */
export function isFatal (thrown: unknown): boolean {
  if (thrown instanceof ReplicatorError && thrown.cause !== undefined) return isFatal(thrown.cause)
  const flag = typeof thrown === 'object' && thrown !== null && 'isFatal' in thrown
    ? thrown.isFatal
    : false
  return flag === true || codeOf(thrown) === errorTable._FATAL.code
}

export function isNone (error: unknown): error is null | undefined {
  return error === null || error === undefined
}

function textOf (thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null && 'message' in thrown
    ? String(thrown.message)
    : String(thrown)
}

/**
 * Undefined for errors of neither a broker nor a client. Events and delivery reports lose the code
 * on their way through node-rdkafka and keep librdkafka's text for the code, which is stable.
 */
function codeOf (thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined
  const code = 'code' in thrown && typeof thrown.code === 'number' ? thrown.code : undefined
  if (code !== undefined && code !== lostCode) return code
  if (!('origin' in thrown)) return code
  return codesByText().get(`${String(thrown.origin)}: ${textOf(thrown)}`) ?? errorTable._FAIL.code
}

/** Adds broker and reason to an error of a connection. A broker's answer is unchanged. */
function seenIn (code: number, text: string): string {
  return connectionErrors.has(code) ? clientLineDetail(text) ?? text : text
}

const connectionErrors: ReadonlySet<number> = new Set([
  errorTable._ALL_BROKERS_DOWN.code, errorTable._TRANSPORT.code, errorTable._RESOLVE.code,
  errorTable._TIMED_OUT.code, errorTable._AUTHENTICATION.code, errorTable._SSL.code
])

function isTextOfCode (thrown: unknown): boolean {
  const text = textOf(thrown).toLowerCase()
  if (codesByText().has(text)) return true
  return typeof thrown === 'object' && thrown !== null && 'origin' in thrown &&
    codesByText().has(`${String(thrown.origin)}: ${text}`)
}

// node-rdkafka writes -1, the protocol's UNKNOWN_SERVER_ERROR, if it has no code.
const lostCode = -1

interface ErrorModule {
  readonly create: (code: number) => { readonly message: string }
}

let byText: ReadonlyMap<string, number> | undefined

/** By `origin: text`, in lower case, as node-rdkafka divides librdkafka's texts. */
function codesByText (): ReadonlyMap<string, number> {
  byText ??= new Map(Object.values(rdkafka.CODES.ERRORS).map((code): [string, number] => {
    const load = createRequire(import.meta.url)
    const { message } = (load('node-rdkafka/lib/error') as ErrorModule).create(code)
    const [origin = '', text] = message.toLowerCase().split(': ')
    return [text === undefined ? `unknown: ${origin}` : `${origin}: ${text}`, code]
  }))
  return byText
}
