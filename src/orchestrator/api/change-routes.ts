// POST routes: each writes an operator's order to the progress topic of a flow, so that every
// process obeys, now and after a restart.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { scopeOf, type ControlScope, type Order } from '../control/control-record.ts'
import type { LogLevel } from '../observability/log-levels.ts'
import { ordersAnswer } from './answer-schemas.ts'
import {
  HttpError, httpErrorOf, runningFlow, type ApiContext
} from './api-context.ts'
import { nameOf } from './flow-views.ts'
import {
  flowParams, logLevelBody, reloadBody, scopeBody, shareBody, skipBody, throttleBody,
  type FlowRoute
} from './request-schemas.ts'

interface OrderBody { reason: string, by?: string, dryRun?: boolean }
interface ScopeBody extends OrderBody { topic?: string, partition?: number }

interface ThrottleBody extends OrderBody { bytesPerSecond?: number, file?: boolean }
interface ShareBody extends OrderBody { topic: string, percent?: number, file?: boolean }

interface GivenOrders {
  readonly isDryRun: boolean
  readonly orders: readonly object[]
  readonly changes: readonly string[]
}

interface Said extends Pick<Order, 'by' | 'atMs' | 'reason'> { readonly id: string }

export function addChangeRoutes (app: FastifyInstance, context: ApiContext): void {
  addProcessRoutes(app, context)
  addBandwidthRoutes(app, context)
  const config = boundsOf(context)
  const ofScope = (
    path: string, summary: string, orderOf: (scope: ControlScope, said: Said) => Order
  ): void => {
    app.post<FlowRoute & { Body: ScopeBody }>(`/flows/:flow/${path}`, {
      config, schema: schema(summary, scopeBody, flowParams)
    }, async (request, reply) => {
      const { body, params: { flow } } = request
      const order = orderOf(scopeIn(body), saidIn(body, request, context))
      return await reply.code(202).send(await give([flow], order, body, context))
    })
  }
  ofScope('pause', 'Stop mirroring a flow, a topic or a partition', (scope, { id: _, ...said }) =>
    ({ kind: 'pause', scope, isPaused: true, ...said }))
  ofScope('resume', 'End a pause of the same flow, topic or partition',
    (scope, { id: _, ...said }) => ({ kind: 'pause', scope, isPaused: false, ...said }))
  ofScope('retry', 'Retry faulted partitions now', (scope, said) =>
    ({ kind: 'retry', scope, ...said }))

  app.post<FlowRoute & { Body: OrderBody & { topic: string, partition: number, to: string } }>(
    '/flows/:flow/skip', {
      config,
      schema: schema('Continue a partition at a later source offset; the records before it are ' +
        'not mirrored, and counted', skipBody, flowParams)
    }, async (request, reply) => {
      const { body, params: { flow } } = request
      const { partition, to, topic } = body
      const order: Order = {
        kind: 'skip',
        source: { topic, partition },
        to: BigInt(to),
        ...saidIn(body, request, context)
      }
      return await reply.code(202).send(await give([flow], order, body, context))
    })
}

function addBandwidthRoutes (app: FastifyInstance, context: ApiContext): void {
  const config = boundsOf(context)
  app.post<FlowRoute & { Body: ThrottleBody }>('/flows/:flow/throttle', {
    config,
    schema: schema('Limit the bandwidth of a flow, over all its processes', throttleBody,
      flowParams)
  }, async (request, reply) => {
    const { body, params: { flow } } = request
    const { id: _, ...said } = saidIn(body, request, context)
    refuseUnlessOne(body.bytesPerSecond, body, 'a throttle needs bytesPerSecond (0: no limit)')
    const order: Order = { kind: 'throttle', bytesPerSecond: body.bytesPerSecond, ...said }
    return await reply.code(202).send(await give([flow], order, body, context))
  })

  app.post<FlowRoute & { Body: ShareBody }>('/flows/:flow/share', {
    config,
    schema: schema('The share of a topic in the bandwidth of its flow', shareBody, flowParams)
  }, async (request, reply) => {
    const { body, params: { flow } } = request
    const { percent, topic } = body
    const { id: _, ...said } = saidIn(body, request, context)
    refuseUnlessOne(percent, body, 'a share needs percent')
    const order: Order = { kind: 'share', scope: { topic }, percent, ...said }
    return await reply.code(202).send(await give([flow], order, body, context))
  })
}

/** The file is that of a process, so these orders concern all flows of the process. */
function addProcessRoutes (app: FastifyInstance, context: ApiContext): void {
  const config = boundsOf(context)
  app.post<{ Body: OrderBody }>('/reload', {
    config,
    schema: schema('All processes of the flows read their files again. If the asked process ' +
      'would refuse its file, the answer is 409 with the reasons, and no process reads', reloadBody)
  }, async (request, reply) => {
    const order: Order = { kind: 'reload', ...saidIn(request.body, request, context) }
    const changes = changesIn(context)
    const orders = await give(allFlows(context), order, request.body, context)
    return await reply.code(202).send({ ...orders, changes })
  })

  app.post<{ Body: OrderBody & { level: LogLevel | 'file' } }>('/log-level', {
    config, schema: schema('The log level of all processes of the flows', logLevelBody)
  }, async (request, reply) => {
    const { id: _, ...said } = saidIn(request.body, request, context)
    const { level } = request.body
    const order: Order = { kind: 'logLevel', level: level === 'file' ? undefined : level, ...said }
    return await reply.code(202).send(await give(allFlows(context), order, request.body, context))
  })
}

function boundsOf ({ limits: { changesMax, windowMs } }: ApiContext): object {
  return { rateLimit: { max: changesMax, timeWindow: windowMs } }
}

function schema (summary: string, body: object, params?: object): object {
  return {
    summary, body, ...params && { params }, response: { 202: ordersAnswer },
    security: [{ token: [] }]
  }
}

function allFlows ({ mirror }: ApiContext): readonly string[] { return mirror.totals.map(nameOf) }

/** Throws why the file of this process is refused. */
function changesIn ({ checkFile }: ApiContext): readonly string[] {
  try {
    return checkFile?.() ?? []
  } catch (thrown) {
    throw httpErrorOf(thrown)
  }
}

function scopeIn ({ partition, topic }: ScopeBody): ControlScope {
  if (partition !== undefined && topic === undefined) {
    throw new HttpError(400, 'partition needs topic')
  }
  return { ...topic !== undefined && { topic }, ...partition !== undefined && { partition } }
}

/** An order has a value of its own, or ends: the value of the file counts again. */
function refuseUnlessOne (
  value: number | undefined, { file = false }: { readonly file?: boolean }, need: string
): void {
  if (file === (value !== undefined)) throw new HttpError(400, `${need}, or file=true`)
}

function saidIn (
  { by, reason }: OrderBody, { id, ip }: FastifyRequest, { clock }: ApiContext
): Said {
  const address = `api@${ip}`
  const who = by === undefined ? address : `${by} (${address})`
  const atMs = clock.now()
  return { by: who, atMs, reason, id: `${address}-${atMs}-${id}` }
}

async function give (
  flows: readonly string[], order: Order, { dryRun = false }: OrderBody, context: ApiContext
): Promise<GivenOrders> {
  const { atMs, by, kind, reason } = order
  const { partition, topic } = scopeOf(order)
  const orders = []
  for (const flow of flows) {
    try {
      const warning = await runningFlow(context, flow).order(order, dryRun)
      orders.push({
        flow,
        kind: order.kind === 'pause' && !order.isPaused ? 'resume' : kind,
        topic: topic ?? null,
        partition: partition ?? null,
        to: order.kind === 'skip' ? String(order.to) : null,
        level: order.kind === 'logLevel' ? order.level ?? 'file' : null,
        bytesPerSecond: order.kind === 'throttle' ? order.bytesPerSecond ?? null : null,
        percent: order.kind === 'share' ? order.percent ?? null : null,
        by,
        atMs,
        reason,
        warning: warning ?? null
      })
    } catch (thrown) {
      throw httpErrorOf(thrown)
    }
  }
  return { isDryRun: dryRun, orders, changes: [] }
}
