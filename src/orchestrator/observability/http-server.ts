// The HTTP server of the process: /metrics, /healthz, /readyz and /version, read-only and with
// limits of time, connections and methods, because a network may reach it. Requests of the API and
// of its page go to the API.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { ServerTls } from '../config/config.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

export interface Readiness {
  readonly ready: boolean
  /** Why the process is not ready; one sentence each. */
  readonly reasons: readonly string[]
  /** What an operator must know although records may flow; one sentence each. */
  readonly warnings: readonly string[]
}

/** Answers requests of apiPaths. */
export interface HttpApi {
  handle (request: IncomingMessage, response: ServerResponse): void
  /** Idempotent. */
  close (): Promise<void>
}

export interface HttpServerOptions {
  /** metrics.host */
  readonly host: string
  /** metrics.port; 0: any free port. */
  readonly port: number
  /** No user chose the port: if another process uses it, any free port will do. */
  readonly isPortByDefault: boolean
  readonly metrics: Metrics
  readonly readiness: () => Readiness
  /** Body of /version. */
  readonly version: Readonly<Record<string, string>>
  readonly api?: HttpApi | undefined
  /** Undefined: plain HTTP. */
  readonly tls?: ServerTls | undefined
  readonly log: Log
}

export interface HttpServer {
  /** The URL, without a path, at which the server listens. */
  readonly url: string
  readonly port: number
  /** Another certificate for further connections; no effect on a server of plain HTTP. */
  setTls (tls: ServerTls): void
  /** Also closes open connections. Idempotent. */
  close (): Promise<void>
}

interface Reply {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** The API, and the page: `/` and its files. */
const apiPaths = /^\/($|\?|api\/|page\/)/

type Route = () => Reply | Promise<Reply>

/**
 * Enough for a scraper and a few people. A scraper that leaks connections must not exhaust the file
 * descriptors.
 */
const connectionsMax = 64
const requestTimeoutMs = 10_000
/** Larger than the headers of scrapers; the default of 16 KiB would be harmless, too. */
const headerBytesMax = 8 * 1024

export async function startHttpServer (options: HttpServerOptions): Promise<HttpServer> {
  const { api, log, tls } = options
  const routes = createRoutes(options)
  const limits = {
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    keepAliveTimeout: requestTimeoutMs,
    connectionsCheckingInterval: requestTimeoutMs / 2,
    maxHeaderSize: headerBytesMax
  }
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    if (api !== undefined && apiPaths.test(request.url ?? '')) {
      api.handle(request, response)
    } else {
      void answer(routes, log, request, response)
    }
  }
  const tlsServer = tls && createTlsServer({ ...limits, ...contextOf(tls) }, listener)
  const server = tlsServer ?? createServer(limits, listener)
  server.maxConnections = connectionsMax
  try {
    await listenSomewhere(server, options)
  } catch (thrown) {
    await api?.close()
    throw thrown
  }
  // Errors after the start belong to single connections, which node:http closes by itself.
  server.on('error', (err) => {
    options.log.warn({ err }, 'an error occurred in the metrics server')
  })
  const { address, family, port } = server.address() as AddressInfo
  const host = family === 'IPv6' ? `[${address}]` : address
  let closed: Promise<void> | undefined
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host}:${port}`,
    port,
    setTls: changed => { tlsServer?.setSecureContext(contextOf(changed)) },
    close: () => closed ??= closeServer(server, api)
  }
}

function contextOf (
  { certificate, key }: ServerTls
): { readonly cert: Buffer, readonly key: Buffer, readonly minVersion: 'TLSv1.2' } {
  return { cert: certificate, key, minVersion: 'TLSv1.2' }
}

function createRoutes (options: HttpServerOptions): ReadonlyMap<string, Route> {
  const { metrics, readiness, version } = options
  return new Map<string, Route>([
    ['/metrics', async () =>
      ({ status: 200, contentType: metrics.contentType, body: await metrics.render() })],
    // Any answer proves that the event loop runs.
    ['/healthz', () => json(200, { status: 'ok' })],
    ['/readyz', () => {
      const { ready, reasons, warnings } = readiness()
      return json(ready ? 200 : 503, { ready, reasons, warnings })
    }],
    ['/version', () => json(200, version)]
  ])
}

async function answer (
  routes: ReadonlyMap<string, Route>, log: Log, request: IncomingMessage, response: ServerResponse
): Promise<void> {
  const reply = await replyTo(routes, log, request)
  if (reply.status === 405) response.setHeader('allow', 'GET, HEAD')
  response.writeHead(reply.status, {
    'content-type': reply.contentType,
    'content-length': Buffer.byteLength(reply.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff'
  })
  response.end(request.method === 'HEAD' ? undefined : reply.body)
}

async function replyTo (
  routes: ReadonlyMap<string, Route>, log: Log, request: IncomingMessage
): Promise<Reply> {
  const path = (request.url ?? '').split('?', 1)[0] ?? ''
  const route = routes.get(path)
  if (route === undefined) {
    return json(404, { error: 'not found', paths: [...routes.keys()] })
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return json(405, { error: 'only GET and HEAD are allowed' })
  }
  try {
    return await route()
  } catch (err) {
    // The text of the error may contain details that a stranger must not read.
    log.error({ err, path }, 'a request to the metrics server failed')
    return json(500, { error: 'internal error, see the log' })
  }
}

function json (status: number, body: unknown): Reply {
  const contentType = 'application/json; charset=utf-8'
  return { status, contentType, body: `${JSON.stringify(body)}\n` }
}

async function listenSomewhere (
  server: Server, { host, isPortByDefault, port }: HttpServerOptions
): Promise<void> {
  try {
    await listen(server, host, port)
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    if (!isPortByDefault || code !== 'EADDRINUSE') throw listenError(thrown, host, port)
    await listen(server, host, 0)
  }
}

function listen (server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/**
 * Derives from the system's error code what is wrong, and which of the two settings corrects it.
 */
function listenError (thrown: unknown, host: string, port: number): ReplicatorError {
  const cause = thrown as NodeJS.ErrnoException
  const where = `${host}:${port}`
  switch (cause.code) {
    case 'EADDRINUSE':
      return new ReplicatorError('LISTEN_FAILED',
        `metrics.port=${port}: another process listens on ${where} already`,
        { cause, setting: 'metrics.port' })
    case 'EACCES':
      return new ReplicatorError('LISTEN_FAILED',
        `metrics.port=${port}: ports below 1024 are kept for root`,
        { cause, setting: 'metrics.port' })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ReplicatorError('LISTEN_FAILED',
        `metrics.host=${host}: this machine has no such address`,
        { cause, setting: 'metrics.host' })
    default:
      return new ReplicatorError('LISTEN_FAILED',
        `metrics.port=${port}: ${where}: ${cause.message}`, { cause, setting: 'metrics.port' })
  }
}

async function closeServer (server: Server, api: HttpApi | undefined): Promise<void> {
  await api?.close()
  await new Promise<void>((resolve) => {
    server.close(() => { resolve() })
    // Scrapers keep connections alive: without this, close() would wait for them to disconnect.
    server.closeAllConnections()
  })
}
