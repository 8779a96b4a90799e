// Sends the metrics of the process to an OpenTelemetry collector, by OTLP over HTTP. The SDK's
// exporter encodes, compresses, retries and reads the headers of OTEL_EXPORTER_OTLP_HEADERS.
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Clock } from '../time/clock.ts'
import { IntervalLoop } from '../time/interval-loop.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { otlpMetrics } from './otlp-metrics.ts'

export interface OtlpOptions {
  /** otlp.endpoint */
  readonly endpoint: string
  /** otlp.interval.ms */
  readonly intervalMs: number
  readonly metrics: Metrics
  readonly version: string
  /** Distinguishes the processes of a service. */
  readonly instance: string
  readonly log: Pick<Log, 'info' | 'warn'>
  readonly clock: Clock
}

/** What the SDK provides, once it is loaded. */
interface Loaded {
  readonly resource: ResourceMetrics['resource']
  readonly convert: typeof otlpMetrics
  readonly send: (metrics: ResourceMetrics) => Promise<void>
  readonly shutDown: () => Promise<void>
}

/** A collector that answers later has lost one sample; the next one has the newer totals. */
const exportMsMax = 10_000

export class OtlpExport {
  readonly #options: OtlpOptions
  readonly #loaded: Loaded
  readonly #startMs: number
  readonly #loop: IntervalLoop
  #isFailing = false

  private constructor (options: OtlpOptions, loaded: Loaded) {
    const { clock, endpoint, intervalMs, log } = options
    this.#options = options
    this.#loaded = loaded
    this.#startMs = clock.now()
    this.#loop = new IntervalLoop({
      intervalMs,
      clock,
      run: async () => { await this.#exportOnce() },
      onError: err => {
        if (this.#isFailing) return
        this.#isFailing = true
        log.warn({ err }, `${endpoint} does not accept metrics; mirroring continues, and each ` +
          'interval sends the newest metrics again')
      }
    })
  }

  static async start (options: OtlpOptions): Promise<OtlpExport> {
    const [{ OTLPMetricExporter }, { resourceFromAttributes }, { otlpMetrics }] =
      await Promise.all([import('@opentelemetry/exporter-metrics-otlp-http'),
        import('@opentelemetry/resources'), import('./otlp-metrics.ts')])
    const exporter = new OTLPMetricExporter({ url: options.endpoint, timeoutMillis: exportMsMax })
    const send = async (metrics: ResourceMetrics): Promise<void> => {
      await new Promise<void>((resolve, reject) => {
        exporter.export(metrics, ({ error, code }) => {
          // 0: success.
          if (Number(code) === 0) resolve()
          else reject(error ?? new Error(`the exporter reports code ${code}`))
        })
      })
    }
    const resource = resourceFromAttributes({
      'service.name': 'longhaul',
      'service.version': options.version,
      'service.instance.id': options.instance
    })
    const started = new OtlpExport(options,
      { resource, send, shutDown: async () => { await exporter.shutdown() }, convert: otlpMetrics })
    started.#loop.start()
    return started
  }

  /** Sends the last totals. The caller bounds the wait for a collector that does not answer. */
  async stop (): Promise<void> {
    await this.#loop.stop()
    // A collector that has refused metrics until now would only delay the stop.
    if (!this.#isFailing) await this.#exportOnce().catch(() => {})
    await this.#loaded.shutDown()
  }

  async #exportOnce (): Promise<void> {
    const { clock, endpoint, log, metrics, version } = this.#options
    const text = await metrics.render()
    const { convert, resource, send } = this.#loaded
    await send({
      resource,
      scopeMetrics: [{
        scope: { name: 'longhaul', version },
        metrics: [...convert(text, { startMs: this.#startMs, nowMs: clock.now() })]
      }]
    })
    if (this.#isFailing) log.info({}, `${endpoint} accepts metrics again`)
    this.#isFailing = false
  }
}
