// The rows of the settings of the whole process.
import { forwarderSettings } from '../../dataplane/contract/contract-table.ts'
import {
  bytes, choice, flag, integer, list, milliseconds, secret, string, type Row
} from './setting-kinds.ts'

const minute = 60_000
const hour = 60 * minute
const MiB = 2 ** 20
const GiB = 1024 * MiB

/** Settings of the whole process, which have no prefix. */
export const processTable = {
  'clusters': list({
    doc: 'The aliases of the clusters of this file.',
    importance: 'high', default: [], range: 'comma-separated names'
  }),
  'config.providers': list({
    doc: 'Names for ways to read values from elsewhere; config.providers.NAME.class says which ' +
      'one: FileConfigProvider, DirectoryConfigProvider or EnvVarConfigProvider.',
    importance: 'low', default: ['file', 'directory', 'env'], range: 'comma-separated names'
  }),
  'metrics.host': string({
    doc: 'The address that serves /metrics, /healthz, /readyz and the API. Beyond loopback the ' +
      'API answers only with api.token and api.tls.*.',
    importance: 'medium', default: '127.0.0.1', range: 'an address of this machine',
    pattern: /^\S+$/, flag: '--metrics-host <address>'
  }),
  'metrics.port': integer({
    doc: 'The port of /metrics; 0 for any free port, -1 for none. If another process uses ' +
      'the default, Longhaul listens on a free port; a port that is set must be free.',
    importance: 'medium', default: 9584, min: -1, max: 65_535, flag: '--metrics-port <port>'
  }),
  'metrics.per.partition': flag({
    doc: 'Whether /metrics has series of single partitions: thousands, on a large mirror.',
    importance: 'low', default: false
  }),
  'metrics.mirror.maker.names': flag({
    doc: 'Whether /metrics repeats metrics of partitions and checkpoints under the names and ' +
      'labels that Strimzi\'s rules give to the JMX metrics of MirrorMaker 2: a dozen series for ' +
      'each partition.',
    importance: 'low', default: false
  }),
  'otlp.endpoint': string({
    doc: 'The address of an OpenTelemetry collector, which then receives the metrics of /metrics ' +
      'as OTLP (JSON over HTTP): `http://collector.example:4318/v1/metrics`. The environment ' +
      'variables of OpenTelemetry set headers and certificates: OTEL_EXPORTER_OTLP_HEADERS.',
    importance: 'low', default: '', range: 'a URL, or empty', pattern: /^(https?:\/\/\S+)?$/
  }),
  'otlp.interval.ms': milliseconds({
    doc: 'How often otlp.endpoint receives metrics.',
    importance: 'low', default: minute, min: 1000, max: hour
  }),
  'api.token': secret({
    doc: 'The token of requests that change the state of a flow, sent as Authorization: Bearer ' +
      'TOKEN; empty: the API refuses changes. Beyond loopback each request to the API needs it. ' +
      '`${file:path:key}` and `${env:NAME}` read it from elsewhere.',
    importance: 'medium', default: '', range: '16 to 512 characters without blanks, or empty',
    pattern: /^([\x21-\x7e]{16,512})?$/
  }),
  'api.cors.origins': list({
    doc: 'Pages of these origins may use the API from a browser, in addition to the page that ' +
      'the process serves itself: `https://ops.example`. Empty: no CORS headers are sent.',
    importance: 'low', default: [], range: 'comma-separated origins, without a path',
    pattern: /^https?:\/\/[^\s/?#*]+$/
  }),
  'api.tls.certificate.location': string({
    doc: 'A PEM file with the certificate chain of the HTTP server, which then serves HTTPS, ' +
      'metrics included, and no HTTP. The server reads a replaced file.',
    importance: 'low', default: '', range: 'the path of a file, or empty'
  }),
  'api.tls.key.location': string({
    doc: 'A PEM file with the private key of that certificate, without a password.',
    importance: 'low', default: '', range: 'the path of a file, or empty'
  }),
  'log.level': choice({
    doc: 'Log lines below this level are not written.',
    importance: 'low', default: 'info', of: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
    flag: '--log-level <level>'
  }),
  'log.format': choice({
    doc: 'How log lines look; auto is pretty on a terminal and json otherwise.',
    importance: 'low', default: 'auto', of: ['auto', 'pretty', 'json'],
    flag: '--log-format <format>'
  }),
  'in.flight.bytes.max': bytes({
    doc: 'Bytes that all lanes of all flows have fetched and that are not acknowledged: limits ' +
      'the memory needed. Lanes that need more borrow from lanes that need less. If it is not ' +
      'set, the process raises it while its lanes lack memory, to some twice what the line ' +
      'carries in a round trip, and uses at most a quarter of the memory of the container or ' +
      'machine. A lane needs 1MiB.',
    importance: 'high', default: forwarderSettings.inFlightBytesMax.default, min: MiB,
    max: 16 * GiB, flag: '--in-flight-bytes-max <size>'
  }),
  'file.check.interval.ms': milliseconds({
    doc: 'How often Longhaul checks the files that the properties file names: certificates, ' +
      'stores, and files of config.providers. When one has changed, the flows that use it are ' +
      'drained and restarted.',
    importance: 'low', default: minute, min: 100, max: 24 * hour
  }),
  'drain.timeout.ms': milliseconds({
    doc: 'How long a stop waits for batches in flight to be acknowledged.',
    importance: 'medium', default: 20_000, min: 0, max: hour, flag: '--drain-timeout <time>'
  })
} as const satisfies Record<string, Row<unknown>>
