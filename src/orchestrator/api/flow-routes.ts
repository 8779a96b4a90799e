// GET routes: flows, topics, partitions. They show what this process knows, and ask no cluster.
import type { FastifyInstance } from 'fastify'
import type { FlowReport } from '../flow/flow-operations.ts'
import type { PartitionSnapshot } from '../observability/snapshot.ts'
import {
  flowAnswer, flowsAnswer, partitionsAnswer, statesAnswer, topicsAnswer
} from './answer-schemas.ts'
import { flowOf, momentOf, slotsOf, type ApiContext } from './api-context.ts'
import { flowView, nameOf, partitionView, statesView, topicView } from './flow-views.ts'
import { comparePartitionNames, compareTexts, pageOf } from './paging.ts'
import { flowRead, partitionsQuery, topicsQuery, type FlowRoute } from './request-schemas.ts'

interface PageQuery { after?: string, limit: number }

export function addFlowRoutes (app: FastifyInstance, context: ApiContext): void {
  const { mirror, rates } = context
  const reportOf = (flow: string): FlowReport | undefined => mirror.operations(flow)?.report()

  app.get('/flows', {
    schema: { summary: 'All flows of this process', response: { 200: flowsAnswer } }
  }, async () => ({
    flows: mirror.totals.map(flow =>
      flowView(flow, reportOf(nameOf(flow)), rates, momentOf(context)))
  }))

  app.get<FlowRoute>('/flows/:flow', {
    schema: flowRead('One flow: state, lag, throughput, errors, orders of operators', flowAnswer)
  }, async ({ params: { flow } }) =>
    flowView(flowOf(context, flow), reportOf(flow), rates, momentOf(context)))

  app.get<FlowRoute & { Querystring: PageQuery }>('/flows/:flow/topics', {
    schema: {
      ...flowRead('The topics that this process mirrors partitions of', topicsAnswer),
      querystring: topicsQuery
    }
  }, async ({ params: { flow }, query }) => {
    const totals = flowOf(context, flow)
    const sorted = totals.topics.toSorted((one, other) => compareTexts(one.topic, other.topic))
    const { entries, next } = pageOf(sorted, ({ topic }) => topic, query)
    const topics = entries.map(each => topicView(totals, each, rates, momentOf(context)))
    return { flow, topics, next }
  })

  app.get<FlowRoute>('/flows/:flow/states', {
    schema: flowRead('The states of all partitions of this process, in a short form', statesAnswer)
  }, async ({ params: { flow } }) => statesView(flowOf(context, flow)))

  app.get<FlowRoute & { Querystring: PageQuery & { topic?: string, state?: string } }>(
    '/flows/:flow/partitions', {
      schema: {
        ...flowRead('The partitions of this process; members show which process has the others',
          partitionsAnswer),
        querystring: partitionsQuery
      }
    }, async ({ params: { flow }, query: { state, topic, ...page } }) => {
      const totals = flowOf(context, flow)
      const matching = totals.topics.filter(each => (topic ?? each.topic) === each.topic)
        .flatMap(({ partitions }) => partitions)
        .filter(each => (state ?? each.state) === each.state)
        .sort((one, other) =>
          compareTexts(one.topic, other.topic) || one.partition - other.partition)
      const { entries, next } = pageOf(matching, partitionName, page, comparePartitionNames)
      const shown = {
        report: reportOf(flow), slots: slotsOf(context, flow), rates, moment: momentOf(context)
      }
      const partitions = entries.map(each => partitionView(totals, each, shown))
      return { flow, matching: matching.length, partitions, next }
    })
}

function partitionName ({ partition, topic }: PartitionSnapshot): string {
  return `${topic}-${partition}`
}
