// Tables about the selected flow that change slowly: topics, processes, duties, consumer groups;
// and the last moves of partitions.
import type { Duty, FlowDetails, Groups, Member, Move, Topic, TopicPage } from './answers.ts'
import { flowPath, get } from './api.ts'
import { byId, element, LiveTable, setHidden, setText } from './elements.ts'
import { agoText, bytesText, countText, secondsText, timeText } from './format.ts'
import type { OrderDialog } from './order-dialog.ts'

const topicsShownMax = 20
const groupsShownMax = 50
/** A reader of ten thousand topics would load the process more than it learns. */
const topicPagesMax = 3
const pageSize = 1000
const movesShownMax = 100

export async function readDetails (flow: string): Promise<FlowDetails> {
  const path = flowPath(flow)
  const [topics, { members }, { duties }, groups] = await Promise.all([
    readTopics(path),
    get<{ members: FlowDetails['members'] }>(`${path}/members`),
    get<{ duties: FlowDetails['duties'] }>(`${path}/duties`, { processes: 'all' }),
    get<Groups>(`${path}/groups`, { processes: 'all', limit: groupsShownMax })
  ])
  return { ...topics, members, duties, groups }
}

async function readTopics (
  path: string
): Promise<Pick<FlowDetails, 'topics' | 'hasMoreTopics'>> {
  const topics: Topic[] = []
  let after: string | null = null
  for (let page = 0; page < topicPagesMax; page++) {
    const answer: TopicPage = await get<TopicPage>(`${path}/topics`,
      { processes: 'all', limit: pageSize, ...after !== null && { after } })
    topics.push(...answer.topics)
    after = answer.next
    if (after === null) break
  }
  return { topics, hasMoreTopics: after !== null }
}

export class Details {
  readonly #dialog: OrderDialog
  readonly #topics = new LiveTable(byId('topics'),
    ['Topic', 'Partitions', 'Throughput', 'Records behind', 'Time behind', 'Batching', 'State',
      'Actions'],
    [1, 2, 3, 4])
  readonly #members = new LiveTable(byId('members'),
    ['Process', 'Version', 'Slots', 'Started', 'Address'], [2])
  readonly #duties = new LiveTable(byId('duties'), ['Duty', 'Process', 'Last success', 'Problem'])
  readonly #groups = new LiveTable(byId('groups'), ['Group', 'Partitions', 'Continues at'], [1])

  constructor (dialog: OrderDialog) { this.#dialog = dialog }

  show (flow: string, details: FlowDetails, pausedTopics: ReadonlySet<string>): void {
    const nowMs = Date.now()
    this.#showTopics(flow, details, pausedTopics)
    this.#showMembers(details.members, nowMs)
    const duties = byProcess(details.duties)
    this.#duties.show(duties.map(({ error, lastSuccessMs, name, process }) => ({
      key: `${name} ${process}`, cells: [name, process, agoText(lastSuccessMs, nowMs), error ?? '']
    })))
    setHidden(byId('duties-none'), duties.length > 0)
    setHidden(byId('duties'), duties.length === 0)
    this.#showGroups(details.groups, nowMs)
  }

  #showTopics (
    flow: string, { hasMoreTopics, topics }: FlowDetails, paused: ReadonlySet<string>
  ): void {
    const busiest = topics.toSorted((one, other) =>
      (other.bytesPerSecond ?? 0) - (one.bytesPerSecond ?? 0) ||
      (other.lagRecords ?? 0) - (one.lagRecords ?? 0)).slice(0, topicsShownMax)
    setText(byId('topics-note'), hasMoreTopics
      ? `the busiest of the first ${countText(topics.length)} topics`
      : topics.length > busiest.length ? `the busiest of ${countText(topics.length)}` : '')
    this.#topics.show(busiest.map(each => {
      const { topic } = each
      const isResume = paused.has(topic)
      return {
        key: topic,
        cells: [topic, countText(each.partitions), `${bytesText(each.bytesPerSecond)}/s`,
          countText(each.lagRecords), secondsText(each.lagSecondsMax),
          batchingText(each), { state: worstState(each.partitionsByState) }],
        actions: [{
          text: isResume ? 'Resume' : 'Pause',
          label: `${isResume ? 'Resume' : 'Pause'} ${topic}`,
          run: () => { this.#dialog.open(isResume ? 'resume' : 'pause', flow, { topic }) }
        }, ...this.#dialog.has('share')
          ? [{
              text: 'Share…',
              label: `Share of ${topic}`,
              run: () => { this.#dialog.open('share', flow, { topic }) }
            }]
          : []]
      }
    }))
  }

  #showMembers (members: readonly Member[], nowMs: number): void {
    this.#members.show(members.map(each => ({
      key: each.name,
      cells: [each.isThisProcess ? { strong: `${each.name} (this one)` } : each.name, each.version,
        each.slots === null ? '–' : String(each.slots.length), agoText(each.startedMs, nowMs),
        each.isThisProcess ? each.address : { link: each.address }]
    })))
    // Only the process that serves the page sends its moves.
    const own = members.find(({ isThisProcess }) => isThisProcess)
    setText(byId('moves-note'),
      members.length > 1 && own !== undefined ? `of ${own.name} alone` : '')
  }

  #showGroups ({ asOfMs, groups, reader }: Groups, nowMs: number): void {
    setHidden(byId('groups'), groups.length === 0)
    setText(byId('groups-note'), asOfMs !== null
      ? groups.length === 0 ? 'No consumer group is synced.' : `read ${agoText(asOfMs, nowMs)}`
      : reader === null
        ? 'No process reads consumer groups: sync.group.offsets.enabled is not set.'
        : `${reader} reads the consumer groups, and does not answer.`)
    this.#groups.show(groups.map(({ group, offsets }) => ({
      key: group,
      cells: [group, countText(offsets.length), offsets.slice(0, 3).map(each =>
        `${each.remoteTopic}-${each.partition} at ${each.targetOffset}`).join(', ') +
        (offsets.length > 3 ? ', …' : '')]
    })))
  }
}

/** A process may have a duty for each of its slots: the one that is in trouble or longest ago. */
function byProcess (duties: readonly Duty[]): readonly Duty[] {
  const shown = new Map<string, Duty>()
  for (const each of duties) {
    const key = `${each.name} ${each.process}`
    const known = shown.get(key)
    const isWorse = known === undefined || (known.error === null &&
      (each.error !== null || (each.lastSuccessMs ?? 0) < (known.lastSuccessMs ?? 0)))
    if (isWorse) shown.set(key, each)
  }
  return [...shown.values()]
}

/** Of the batches that were sent, how many were merged from several. */
function batchingText (
  { batches, batching, reencodedByReason: { merged = 0 } }: Topic
): string {
  if (batching === null) return countText(null)
  if (batching === 'pass-through' || batches === 0) return batching
  return `${batching}, ${Math.round(100 * merged / batches)} % merged`
}

/** The state that an operator must see first. */
function worstState (counts: Readonly<Record<string, number>>): string {
  const order = ['faulted', 'waiting', 'paused', 'throttled', 'starting', 'resuming', 'running']
  return order.find(state => (counts[state] ?? 0) > 0) ?? 'caught-up'
}

/** The newest first. */
export function showMove (move: Move): void {
  const list = byId('moves')
  setHidden(byId('moves-none'), true)
  list.prepend(element('li', {},
    element('time', {}, timeText(move.atMs)), ' ',
    element('strong', {}, `${move.topic}-${move.partition}`), ` ${move.before} `,
    element('span', { 'aria-label': 'to' }, '→'), ' ',
    element('span', { class: 'state', 'data-state': move.state }, move.state),
    ...move.reason === '' ? [] : [element('span', { class: 'why' }, ` ${move.reason}`)]))
  while (list.childElementCount > movesShownMax) list.lastElementChild?.remove()
}
