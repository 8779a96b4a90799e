// Opens the API when the first request arrives: its libraries load in a quarter of a second and
// need memory, and most processes are only asked for their metrics.
import type { FastifyInstance } from 'fastify'
import type { HttpApi } from '../observability/http-server.ts'
import { IntervalLoop } from '../time/interval-loop.ts'
import type { ApiContext } from './api-context.ts'
import { sampleMs, Throughput } from './throughput.ts'

export function openApi (
  { checkFile, clock, log, mirror }: Pick<ApiContext, 'checkFile' | 'clock' | 'log' | 'mirror'>
): HttpApi {
  const rates = new Throughput()
  const sampling = new IntervalLoop({
    intervalMs: sampleMs,
    clock,
    run: async () => { rates.sample(mirror.totals, clock.monotonic()) },
    onError: err => { log.warn({ err }, 'the API cannot compute rates') }
  })
  sampling.start()
  let opened: Promise<FastifyInstance> | undefined
  const open = async (): Promise<FastifyInstance> => {
    const { createApiApp } = await import('./api-app.ts')
    return await createApiApp(
      { mirror, rates, log, clock, ...checkFile !== undefined && { checkFile } })
  }
  return {
    handle: (request, response) => {
      opened ??= open()
      opened.then(app => { app.routing(request, response) }, (err: unknown) => {
        opened = undefined
        log.error({ err }, 'the API cannot be opened')
        response.writeHead(500, { 'content-type': 'application/json; charset=utf-8' })
        response.end('{"error":{"name":"INTERNAL","text":"internal error, see the log"}}\n')
      })
    },
    close: async () => {
      await sampling.stop()
      await (await opened?.catch(() => undefined))?.close()
    }
  }
}
