// GET events: the moves of partitions as server-sent events.
import type { FastifyInstance } from 'fastify'
import type { MoveEvent } from '../flow/move-event.ts'
import { IntervalLoop } from '../time/interval-loop.ts'
import { flowOf, HttpError, type ApiContext } from './api-context.ts'
import { EventClient } from './event-client.ts'
import { eventsQuery } from './request-schemas.ts'

const beatMs = 15_000
/** How long a reader that was dropped may still receive what its connection holds. */
const lingerMs = 5_000

export function addEventRoute (app: FastifyInstance, context: ApiContext): void {
  const { clock, limits: { eventClientsMax, queuedEventsMax }, log, mirror } = context
  const clients = new Set<EventClient>()
  const beats = new IntervalLoop({
    intervalMs: beatMs,
    clock,
    run: async () => { for (const client of clients) client.beat() },
    onError: err => { log.warn({ err }, 'live views of the API cannot be kept open') }
  })
  app.addHook('onReady', async () => { beats.start() })
  app.addHook('preClose', async () => {
    await beats.stop()
    for (const client of clients) client.end('closed', {})
  })
  app.get<{ Querystring: { flow?: string } }>('/events', {
    exposeHeadRoute: false,
    schema: {
      summary: 'Moves of partitions as server-sent events: open, move, dropped, closed',
      produces: ['text/event-stream'],
      querystring: eventsQuery
    }
  }, (request, reply) => {
    const { flow } = request.query
    if (flow !== undefined) flowOf(context, flow)
    if (clients.size >= eventClientsMax) {
      throw new HttpError(503, `${clients.size} live views are open already`)
    }
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff'
    })
    const client = new EventClient(raw, queuedEventsMax)
    const stop = mirror.onMove((event: MoveEvent) => {
      if (flow !== undefined && event.flow !== flow) return
      client.send('move', event)
      if (client.isEnded) drop()
    })
    const drop = (): void => {
      stop()
      clients.delete(client)
      log.warn({ ip: request.ip }, 'a reader of live events of the API was too slow, and is ' +
        'disconnected')
      clock.sleep(lingerMs).then(() => { raw.destroy() }, () => {})
    }
    clients.add(client)
    raw.once('close', () => {
      stop()
      clients.delete(client)
    })
    client.send('open', { flow: flow ?? null, atMs: clock.now() })
  })
}
