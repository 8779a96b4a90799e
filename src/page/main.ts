// The page of a process: polls the API, follows its events, and hands what it reads to the panels.
import type { Flow, FlowDetails, Move } from './answers.ts'
import { Announcer } from './announcer.ts'
import { ApiError, get, readMoves, setToken } from './api.ts'
import { ClusterMap } from './cluster-map.ts'
import { Details, readDetails, showMove } from './details.ts'
import { byId, setHidden, setText } from './elements.ts'
import { FlowPanel, FlowTable } from './flow-panel.ts'
import { Freshness } from './freshness.ts'
import { Graphs } from './graphs.ts'
import { History } from './history.ts'
import { OrderDialog, type OrderKind, type Scope } from './order-dialog.ts'
import { PartitionPanel } from './partition-panel.ts'
import type { Stopped } from './skip-field.ts'

const pollMs = 2_000
const detailsMs = 10_000
/** After live events ended or were refused. */
const reconnectMs = 5_000

const announcer = new Announcer()
const freshness = new Freshness()
const history = new History()
const dialog = new OrderDialog(text => {
  announcer.announce(text)
  setText(byId('notice'), text)
  setHidden(byId('notice'), false)
  wake()
})
const order = (kind: OrderKind, flow: string, scope: Scope, stopped?: Stopped): void => {
  dialog.open(kind, flow, scope, stopped)
}
const select = (flow: string): void => {
  selected = flow
  location.hash = encodeURIComponent(flow)
  detailsAtMs = 0
  wake()
}
const map = new ClusterMap(document.querySelector<SVGSVGElement>('#map')!, select)
const table = new FlowTable(select)
const panel = new FlowPanel(dialog)
const graphs = new Graphs(history)
const partitions = new PartitionPanel(order)
const details = new Details(dialog)

let flows: readonly Flow[] = []
let selected = decodeURIComponent(location.hash.slice(1))
let known: FlowDetails | undefined
let detailsAtMs = 0
let wake = (): void => {}

async function poll (): Promise<void> {
  const answer = await get<{ flows: readonly Flow[] }>('/flows', { processes: 'all' })
  flows = answer.flows
  history.add(flows, Date.now())
  const flow = flows.find(each => each.flow === selected) ?? flows[0]
  setHidden(byId('no-flows'), flow !== undefined)
  setHidden(byId('flow'), flow === undefined)
  if (flow === undefined) return
  if (flow.flow !== selected) detailsAtMs = 0
  selected = flow.flow
  map.show(flows, selected)
  table.show(flows, selected)
  panel.show(flow)
  graphs.show(selected)
  await partitions.refresh(flow)
  if (Date.now() - detailsAtMs >= detailsMs) {
    detailsAtMs = Date.now()
    // A flow that does not run now has no processes and duties to show.
    known = await readDetails(selected).catch((thrown: unknown) => {
      if (thrown instanceof ApiError && thrown.status === 503) return known
      throw thrown
    })
  }
  const pausedTopics = new Set((flow.orders?.pauses ?? []).flatMap(({ partition, topic }) =>
    topic !== null && partition === null ? [topic] : []))
  if (known !== undefined) details.show(selected, known, pausedTopics)
}

async function pollAlways (): Promise<never> {
  let isDescribed = false
  for (;;) {
    // A hidden page asks nothing; its figures are old when it is shown again, and say so.
    if (document.visibilityState === 'visible') {
      try {
        await poll()
        freshness.succeeded()
        if (!isDescribed) {
          await dialog.learn()
          isDescribed = true
        }
      } catch (thrown) {
        history.addGap(Date.now())
        if (selected !== '') graphs.show(selected)
        freshness.failed(thrown)
      }
    }
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, pollMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

async function followMoves (): Promise<never> {
  for (;;) {
    await readMoves((move: Move) => {
      announcer.move(move)
      if (move.flow !== selected) return
      partitions.move(move.topic, move.partition, move.state)
      showMove(move)
    }, new AbortController().signal).catch(() => {
      // Polls show the same two seconds later, and say whether the process answers.
    })
    await new Promise(resolve => { setTimeout(resolve, reconnectMs) })
  }
}

byId('sign-in-form').addEventListener('submit', event => {
  event.preventDefault()
  const input = byId<HTMLInputElement>('sign-in-token')
  setToken(input.value.trim())
  input.value = ''
  wake()
})
document.addEventListener('visibilitychange', () => { wake() })
addEventListener('hashchange', () => {
  const flow = decodeURIComponent(location.hash.slice(1))
  if (flow !== selected) select(flow)
})
void pollAlways()
void followMoves()
