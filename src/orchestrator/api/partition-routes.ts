// GET routes: the states of all partitions, and partitions page by page; of this process, or with
// processes=all of all processes of the flow.
import type { FastifyInstance } from 'fastify'
import { partitionsAnswer, statesAnswer } from './answer-schemas.ts'
import { flowOf, momentOf, slotsOf, type ApiContext } from './api-context.ts'
import { partitionView, statesView } from './flow-views.ts'
import { sameRead, type JoinedAnswers, type ProcessesQuery } from './joined-answers.ts'
import {
  joinPartitions, joinStates, partitionName, type PartitionPart, type StatesPart
} from './joined-views.ts'
import { comparePartitionNames, compareTexts, pageOf } from './paging.ts'
import { flowRead, partitionsQuery, processesQuery, type FlowRoute } from './request-schemas.ts'

interface PartitionsQuery extends ProcessesQuery {
  after?: string
  limit: number
  topic?: string
  state?: string
}

interface PartitionsPart {
  readonly flow: string
  readonly process: string | null
  readonly silent: readonly object[]
  readonly matching: number
  readonly partitions: readonly PartitionPart[]
  readonly next: string | null
}

export function addPartitionRoutes (
  app: FastifyInstance, context: ApiContext, joined: JoinedAnswers
): void {
  const { mirror } = context

  app.get<FlowRoute & { Querystring: ProcessesQuery }>('/flows/:flow/states', {
    schema: {
      ...flowRead('The states of all partitions of this process, or of all processes, in a short ' +
        'form', statesAnswer),
      querystring: processesQuery
    }
  }, async request => {
    const { params: { flow }, query: { processes } } = request
    const own = statesView(flowOf(context, flow), mirror.operations(flow)?.report())
    if (processes !== 'all' || own.process === null) return own
    const { parts, silent } = await joined.ofOthers<StatesPart>(
      sameRead(request, '/states', statesAnswer))
    return { ...joinStates(own, parts), silent }
  })

  app.get<FlowRoute & { Querystring: PartitionsQuery }>('/flows/:flow/partitions', {
    schema: {
      ...flowRead('The partitions of this process, or of all processes of the flow',
        partitionsAnswer),
      querystring: partitionsQuery
    }
  }, async request => {
    const { params: { flow }, query: { processes, ...query } } = request
    const own = ownPage(flow, query, context)
    if (processes !== 'all' || own.process === null) return own
    const { parts, silent } = await joined.ofOthers<PartitionsPart>(
      sameRead(request, '/partitions', partitionsAnswer))
    const all = [own, ...parts]
    const { entries, next, repeated } = joinPartitions(all.map(each =>
      ({ entries: each.partitions, next: each.next })), query)
    const matching = all.reduce((sum, each) => sum + each.matching, 0) - repeated
    return { ...own, silent, matching, partitions: entries, next }
  })
}

function ownPage (
  flow: string, { state, topic, ...page }: PartitionsQuery, context: ApiContext
): PartitionsPart {
  const totals = flowOf(context, flow)
  const report = context.mirror.operations(flow)?.report()
  const matching = totals.topics.filter(each => (topic ?? each.topic) === each.topic)
    .flatMap(({ partitions }) => partitions)
    .filter(each => (state ?? each.state) === each.state)
    .sort((one, other) =>
      compareTexts(one.topic, other.topic) || one.partition - other.partition)
  const { entries, next } = pageOf(matching, partitionName, page, comparePartitionNames)
  const shown = {
    report, slots: slotsOf(context, flow), rates: context.rates, moment: momentOf(context)
  }
  return {
    flow,
    process: report?.memberName ?? null,
    silent: [],
    matching: matching.length,
    partitions: entries.map(each => partitionView(totals, each, shown)),
    next
  }
}
