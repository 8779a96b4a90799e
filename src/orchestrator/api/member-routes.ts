// GET routes: members, duties, groups. They show what this process knows, and ask no cluster.
import type { FastifyInstance } from 'fastify'
import { dutiesAnswer, groupsAnswer, membersAnswer } from './answer-schemas.ts'
import { runningFlow, slotsOf, type ApiContext } from './api-context.ts'
import { pageOf } from './paging.ts'
import { flowRead, groupsQuery, type FlowRoute } from './request-schemas.ts'

interface GroupsQuery { after?: string, limit: number, group?: string }

export function addMemberRoutes (app: FastifyInstance, context: ApiContext): void {
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

  app.get<FlowRoute>('/flows/:flow/duties', {
    schema: flowRead('The duties that this process has, with their last success', dutiesAnswer)
  }, async ({ params: { flow } }) => {
    const { duties } = runningFlow(context, flow).report()
    return {
      flow,
      duties: duties.map(({ durationMs, error, lastSuccessMs, name, slot }) => ({
        name,
        slot,
        lastSuccessMs: lastSuccessMs ?? null,
        durationMs: durationMs ?? null,
        error: error?.message ?? null
      }))
    }
  })

  app.get<FlowRoute & { Querystring: GroupsQuery }>('/flows/:flow/groups', {
    schema: {
      ...flowRead('Where consumer groups of the source would continue on the target', groupsAnswer),
      querystring: groupsQuery
    }
  }, async ({ params: { flow }, query: { group, ...page } }) => {
    const { groups, members } = runningFlow(context, flow).report()
    const matching = (groups?.positions ?? []).filter(each => (group ?? each.group) === each.group)
    const { entries, next } = pageOf(matching, each => each.group, page)
    return {
      flow,
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
  })
}
