// GET routes: members, duties, groups. They show what this process knows, or with processes=all
// what all processes of the flow know, and ask no cluster.
import type { FastifyInstance } from 'fastify'
import { dutiesAnswer, groupsAnswer, membersAnswer } from './answer-schemas.ts'
import { runningFlow, slotsOf, type ApiContext } from './api-context.ts'
import { sameRead, type JoinedAnswers, type ProcessesQuery } from './joined-answers.ts'
import { pageOf } from './paging.ts'
import { flowRead, groupsQuery, processesQuery, type FlowRoute } from './request-schemas.ts'

interface GroupsQuery extends ProcessesQuery { after?: string, limit: number, group?: string }

interface DutiesPart {
  readonly flow: string
  readonly process: string
  readonly silent: readonly object[]
  readonly duties: readonly object[]
}

interface GroupsPart {
  readonly flow: string
  readonly process: string
  readonly silent: readonly object[]
  readonly asOfMs: number | null
  readonly reader: string | null
  readonly groups: readonly object[]
  readonly next: string | null
}

export function addMemberRoutes (
  app: FastifyInstance, context: ApiContext, joined: JoinedAnswers
): void {
  app.get<FlowRoute>('/flows/:flow/members', {
    schema: flowRead(
      'All processes of the flow, by their records in the progress topic', membersAnswer)
  }, async ({ params: { flow } }) => {
    const { memberName, members } = runningFlow(context, flow).report()
    return {
      flow,
      slots: slotsOf(context, flow),
      members: members.map(({ address, build, name, slots, startedMs }) => ({
        name, isThisProcess: name === memberName, version: build, address, startedMs,
        slots: slots ?? null
      }))
    }
  })

  app.get<FlowRoute & { Querystring: ProcessesQuery }>('/flows/:flow/duties', {
    schema: {
      ...flowRead('The duties of this process, or of all processes, with their last success',
        dutiesAnswer),
      querystring: processesQuery
    }
  }, async request => {
    const { params: { flow }, query: { processes } } = request
    const own = ownDuties(flow, context)
    if (processes !== 'all') return own
    const { parts, silent } = await joined.ofOthers<DutiesPart>(
      sameRead(request, '/duties', dutiesAnswer))
    return { ...own, silent, duties: [own, ...parts].flatMap(({ duties }) => duties) }
  })

  app.get<FlowRoute & { Querystring: GroupsQuery }>('/flows/:flow/groups', {
    schema: {
      ...flowRead('Where consumer groups of the source would continue on the target', groupsAnswer),
      querystring: groupsQuery
    }
  }, async request => {
    const { params: { flow }, query: { processes, ...query } } = request
    const own = ownGroups(flow, query, context)
    // One process reads the groups.
    if (processes !== 'all' || own.asOfMs !== null) return own
    const { parts, silent } = await joined.ofOthers<GroupsPart>(
      sameRead(request, '/groups', groupsAnswer))
    const reader = parts.find(({ asOfMs }) => asOfMs !== null) ?? own
    return { ...reader, process: own.process, silent }
  })
}

function ownDuties (flow: string, context: ApiContext): DutiesPart {
  const { duties, memberName: process } = runningFlow(context, flow).report()
  return {
    flow,
    process,
    silent: [],
    duties: duties.map(({ durationMs, error, lastSuccessMs, name, slot }) => ({
      process,
      name,
      slot,
      lastSuccessMs: lastSuccessMs ?? null,
      durationMs: durationMs ?? null,
      error: error?.message ?? null
    }))
  }
}

function ownGroups (
  flow: string, { group, ...page }: GroupsQuery, context: ApiContext
): GroupsPart {
  const { groups, memberName: process, members } = runningFlow(context, flow).report()
  const matching = (groups?.positions ?? []).filter(each => (group ?? each.group) === each.group)
  const { entries, next } = pageOf(matching, each => each.group, page)
  return {
    flow,
    process,
    silent: [],
    asOfMs: groups?.atMs ?? null,
    reader: members.find(({ slots }) => slots?.includes(0))?.name ?? null,
    groups: entries.map(each => ({
      group: each.group,
      offsets: each.offsets.map(({ downstream, partition, topic, upstream }) => ({
        remoteTopic: topic,
        partition,
        sourceOffset: String(upstream),
        targetOffset: String(downstream)
      }))
    })),
    next
  }
}
