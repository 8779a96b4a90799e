// GET caught-up: answers when the flow has mirrored what its source held at the time of the
// request, or at the timeout.
import type { FastifyInstance } from 'fastify'
import { parseDuration } from '../config/setting-kinds.ts'
import { caughtUpAnswer } from './answer-schemas.ts'
import { HttpError, httpErrorOf, runningFlow, type ApiContext } from './api-context.ts'
import { caughtUpQuery, flowParams } from './request-schemas.ts'

const behindShownMax = 100
/** The name of the error of a topic that the flow does not mirror; other 404 have other names. */
export const notMirroredName = 'UNKNOWN_TOPIC_OR_PARTITION'

export function addCaughtUpRoute (app: FastifyInstance, context: ApiContext): void {
  const { limits: { waitersMax, waitMsMax } } = context
  let waiters = 0
  app.get<{ Params: { flow: string }, Querystring: { topic?: string, timeout?: string } }>(
    '/flows/:flow/caught-up', {
      exposeHeadRoute: false,
      schema: {
        summary: 'Wait until all is mirrored that the source holds now; 504: not in time',
        params: flowParams,
        querystring: caughtUpQuery,
        response: { 200: caughtUpAnswer, 504: caughtUpAnswer }
      }
    }, async ({ params: { flow }, query: { timeout = '0', topic }, raw }, reply) => {
      const timeoutMs = parseDuration(timeout, 's') ?? -1
      if (timeoutMs < 0 || timeoutMs > waitMsMax) {
        throw new HttpError(400, `timeout=${timeout}: allowed is 0 to ${waitMsMax / 1000} s`)
      }
      const operations = runningFlow(context, flow)
      if (waiters >= waitersMax) throw new HttpError(503, `${waiters} requests wait already`)
      const left = new AbortController()
      const onClose = (): void => { left.abort() }
      raw.socket.once('close', onClose)
      waiters++
      try {
        const found = await operations.caughtUp(topic, timeoutMs, left.signal)
        // A mistyped name must not look as if the topic had caught up.
        if (topic !== undefined && found.partitions === 0) throw notMirrored(flow, topic)
        return await reply.code(found.isCaughtUp ? 200 : 504).send({
          flow,
          isCaughtUp: found.isCaughtUp,
          asOfMs: found.asOfMs,
          waitedMs: found.waitedMs,
          partitions: found.partitions,
          behindPartitions: found.behind.length,
          behind: found.behind.slice(0, behindShownMax)
            .map(({ end, partition, topic: name, upstream }) => ({
              topic: name,
              partition,
              end: String(end),
              upstreamOffset: upstream === undefined ? null : String(upstream)
            }))
        })
      } catch (thrown) {
        throw httpErrorOf(thrown)
      } finally {
        waiters--
        raw.socket.off('close', onClose)
      }
    })
}

function notMirrored (flow: string, topic: string): HttpError {
  const error = new HttpError(404, `${flow} mirrors no topic ${topic} that the source has`)
  return Object.assign(error, { name: notMirroredName })
}
