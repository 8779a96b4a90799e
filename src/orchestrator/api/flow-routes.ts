// GET routes: flows and topics. They show what this process knows, or with processes=all what all
// processes of the flow know, and ask no cluster.
import type { FastifyInstance } from 'fastify'
import type { FlowReport } from '../flow/flow-operations.ts'
import { flowAnswer, flowsAnswer, topicsAnswer } from './answer-schemas.ts'
import { flowOf, momentOf, type ApiContext } from './api-context.ts'
import { flowView, nameOf, topicView } from './flow-views.ts'
import { sameRead, type JoinedAnswers, type ProcessesQuery } from './joined-answers.ts'
import { joinFlows, joinTopics, type FlowPart, type TopicPart } from './joined-views.ts'
import { compareTexts, pageOf } from './paging.ts'
import { flowRead, processesQuery, topicsQuery, type FlowRoute } from './request-schemas.ts'

interface TopicsQuery extends ProcessesQuery { after?: string, limit: number }

interface TopicsPart {
  readonly process: string | null
  readonly topics: readonly TopicPart[]
  readonly next: string | null
}

export function addFlowRoutes (
  app: FastifyInstance, context: ApiContext, joined: JoinedAnswers
): void {
  const { mirror, rates } = context
  const reportOf = (flow: string): FlowReport | undefined => mirror.operations(flow)?.report()

  app.get<{ Querystring: ProcessesQuery }>('/flows', {
    schema: {
      summary: 'All flows of this process', querystring: processesQuery,
      response: { 200: flowsAnswer }
    }
  }, async (request) => ({
    flows: await Promise.all(mirror.totals.map(async totals => {
      const own = flowView(totals, reportOf(nameOf(totals)), rates, momentOf(context))
      // A flow that does not run knows no other process.
      if (request.query.processes !== 'all' || own.process === null) return own
      const { parts, silent } = await joined.ofOthers<FlowPart>({
        flow: own.flow,
        path: '/flows',
        isAnswer: answer => request.validateInput(answer, flowsAnswer),
        partOf: answer => (answer as { readonly flows: readonly FlowPart[] }).flows
          .find(({ flow }) => flow === own.flow)
      })
      return { ...joinFlows(own, parts), silent }
    }))
  }))

  app.get<FlowRoute & { Querystring: ProcessesQuery }>('/flows/:flow', {
    schema: {
      ...flowRead('One flow: state, lag, throughput, errors, orders of operators', flowAnswer),
      querystring: processesQuery
    }
  }, async request => {
    const { params: { flow }, query: { processes } } = request
    const own = flowView(flowOf(context, flow), reportOf(flow), rates, momentOf(context))
    if (processes !== 'all' || own.process === null) return own
    const { parts, silent } = await joined.ofOthers<FlowPart>(sameRead(request, '', flowAnswer))
    return { ...joinFlows(own, parts), silent }
  })

  app.get<FlowRoute & { Querystring: TopicsQuery }>('/flows/:flow/topics', {
    schema: {
      ...flowRead('The topics that this process, or all processes, mirror partitions of',
        topicsAnswer),
      querystring: topicsQuery
    }
  }, async request => {
    const { params: { flow }, query: { processes, ...page } } = request
    const totals = flowOf(context, flow)
    const sorted = totals.topics.toSorted((one, other) => compareTexts(one.topic, other.topic))
    const { entries, next } = pageOf(sorted, ({ topic }) => topic, page)
    const report = reportOf(flow)
    const shown = { report, rates, moment: momentOf(context) }
    const topics = entries.map(each => topicView(totals, each, shown))
    const own = { flow, process: report?.memberName ?? null, silent: [], topics, next }
    if (processes !== 'all' || own.process === null) return own
    const { parts, silent } = await joined.ofOthers<TopicsPart>(
      sameRead(request, '/topics', topicsAnswer))
    const all = joinTopics([own, ...parts].map(each =>
      ({ entries: each.topics, next: each.next })), page)
    return { ...own, silent, topics: all.entries, next: all.next }
  })
}
