// The page in headless Chromium, over the API of a moving mirror: what it shows equals what the API
// answers, orders reach the API with the token, names are never markup, and an update of ten
// thousand partitions is cheap. LONGHAUL_SCREENSHOTS=docs/images writes the pictures of the
// documents.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Page } from 'puppeteer-core'
import { errorByCode } from '../src/orchestrator/errors/error-table.ts'
import { flowPath, token } from './orchestrator/api/create-api.ts'
import { cellsOf, chromiumPath, inPage, launchBrowser, openPage, textOf } from './page/browser.ts'
import { createMovingMirror, type MovingMirror } from './page/moving-mirror.ts'
import { untilSameStates } from './page/shown-states.ts'

const skip = chromiumPath === undefined ? 'no Chromium: apt-get install chromium' : false
const small = [{
  source: 'A', target: 'B', topics: [
    { topic: 'orders', partitions: 6, recordsPerSecond: 900, mergedShare: 0.9 },
    { topic: 'idle', partitions: 3, recordsPerSecond: 0 }
  ]
}]
const screenshots = process.env['LONGHAUL_SCREENSHOTS']
const faultCode = 2040

const shop = [
  {
    source: 'frankfurt',
    target: 'sydney',
    topics: [
      { topic: 'orders', partitions: 48, recordsPerSecond: 52_000 },
      { topic: 'payments.eu', partitions: 24, recordsPerSecond: 18_400 },
      { topic: 'shipments', partitions: 24, recordsPerSecond: 9_100 },
      { topic: 'inventory', partitions: 12, recordsPerSecond: 0 },
      { topic: 'clicks', partitions: 96, recordsPerSecond: 121_000 }
    ]
  },
  {
    source: 'sydney',
    target: 'frankfurt',
    topics: [{ topic: 'orders.au', partitions: 12, recordsPerSecond: 6_200 }]
  },
  {
    source: 'oslo',
    target: 'sydney',
    topics: [{ topic: 'telemetry', partitions: 32, recordsPerSecond: 33_000 }]
  }
]

/** Steps that the page polls, so that its graphs have a line. */
async function live (mirror: MovingMirror, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await mirror.step(5)
    await new Promise(resolve => { setTimeout(resolve, 2_050) })
  }
}

/** Waits until an expression of the page is true. */
async function until (page: Page, expression: string): Promise<void> {
  await page.waitForFunction(expression, { timeout: 60_000, polling: 100 })
}

const shown = (id: string): string => `document.getElementById('${id}').innerText`

async function fill (page: Page, id: string, text: string): Promise<void> {
  await page.locator(`#${id}`).fill(text)
}

test('the page shows what the API answers while a partition faults and recovers', {
  skip, timeout: 180_000
}, async t => {
  const mirror = await createMovingMirror(t, small)
  mirror.api.mirror.report = {
    batchingOf: topic => topic === 'orders' ? 'rebatch' : 'pass-through'
  }
  const { page, errors } = await openPage(await launchBrowser(t), mirror.http.url)
  await until(page, `${shown('chips')}.includes('running 6')`)
  const same = async (): Promise<void> => {
    await untilSameStates(page, async path =>
      (await mirror.api.app.inject(`${flowPath}${path}`)).json())
  }
  await same()
  mirror.set('orders', 2, { state: 'faulted', code: faultCode, reason: 'the record is too large' })
  await mirror.step(5)
  for (const listener of mirror.api.mirror.listeners) {
    listener({
      flow: 'A->B', topic: 'orders', partition: 2, atMs: 1, before: 'running', state: 'faulted',
      error: 'LANE_LOST', reason: 'the record is too large'
    })
  }
  await same()
  await until(page, `${shown('flow-state')} === 'impaired'`)
  await until(page, `${shown('moves')}.includes('orders-2 running')`)
  await until(page, `document.getElementById('announcement').textContent === 'orders-2 faulted.'`)
  mirror.set('orders', 2, undefined)
  await mirror.step(5)
  await same()
  await until(page, `${shown('flow-state')} === 'running'`)
  await until(page, `${shown('topics')}.includes('rebatch, 90 % merged')`)
  const batchings = (await cellsOf(page, 'topics')).map(cells => [cells[0], cells[5]])
  assert.deepEqual(batchings, [['orders', 'rebatch, 90 % merged'], ['idle', 'pass-through']])
  assert.deepEqual(errors(), [])
})

// Regression: the page counted the topics of the process with the most, and moves of this process
// looked as if they were all.
test('the page of one of three processes counts the partitions and topics of all', {
  skip, timeout: 120_000
}, async t => {
  const topics = [
    { topic: 'orders', partitions: 6, recordsPerSecond: 900 },
    { topic: 'idle', partitions: 3, recordsPerSecond: 0 },
    { topic: 'clicks', partitions: 2, recordsPerSecond: 50 }
  ]
  const processes = await Promise.all(topics.map(async topic =>
    await createMovingMirror(t, [{ source: 'A', target: 'B', topics: [topic] }])))
  const members = processes.map(({ http }, i) => ({
    name: `longhaul-${i + 1}`, build: '1.2.3', address: http.url, startedMs: 5, settings: {},
    slots: [i]
  }))
  for (const [i, { api: { mirror } }] of processes.entries()) {
    mirror.members = members
    mirror.report = { memberName: `longhaul-${i + 1}` }
  }
  const { page, errors } = await openPage(await launchBrowser(t), processes[0]?.http.url ?? '')
  await until(page, `${shown('chips')}.includes('running 8')`)
  await until(page, `${shown('chips')}.includes('caught-up 3')`)
  assert.equal(await textOf(page, 'partitions-note'), '11 of 3 topics')
  await until(page, `document.querySelectorAll('#members tbody tr').length === 3`)
  assert.equal(await textOf(page, 'moves-note'), 'of longhaul-1 alone')
  const named = (await cellsOf(page, 'topics')).map(([topic]) => topic)
  assert.deepEqual(named.toSorted(), ['clicks', 'idle', 'orders'])
  assert.deepEqual(errors(), [])
})

// Regression: cells of a phone's width broke words into letters, a line each.
test('on a phone tables scroll sideways in their cards, and words stay whole', {
  skip, timeout: 120_000
}, async t => {
  const mirror = await createMovingMirror(t, small)
  const reason = 'A single record is larger than the target topic accepts'
  mirror.set('orders', 2, { state: 'faulted', code: faultCode, reason })
  await mirror.step(5)
  const { page, errors } = await openPage(await launchBrowser(t), mirror.http.url,
    { width: 390, height: 800 })
  await until(page, `${shown('chips')}.includes('faulted 1')`)
  await until(page, `document.querySelectorAll('#topics tbody tr').length === 2`)
  const pagePx = await inPage<number>(page, 'document.documentElement.scrollWidth')
  assert.ok(pagePx <= 390, `the page is ${pagePx} px wide`)
  const broken = await inPage<string[]>(page, `[...document.querySelectorAll('td, tbody th')]
    .flatMap(cell => {
      const range = document.createRange()
      const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT)
      const words = []
      while (texts.nextNode()) {
        for (const { 0: word, index } of texts.currentNode.data.matchAll(/[a-z]{2,12}/gi)) {
          range.setStart(texts.currentNode, index)
          range.setEnd(texts.currentNode, index + word.length)
          // At the end of a line, a range that begins on the next one has an empty rectangle.
          const lines = [...range.getClientRects()].filter(each => each.width > 0)
          if (new Set(lines.map(each => each.top)).size > 1) words.push(word)
        }
      }
      return words
    })`)
  assert.deepEqual(broken, [])
  assert.deepEqual(errors(), [])
})

test('keys choose a partition, and its state and figures are read out', {
  skip, timeout: 120_000
}, async t => {
  const mirror = await createMovingMirror(t, small)
  const { page } = await openPage(await launchBrowser(t), mirror.http.url)
  await until(page, `${shown('chips')}.includes('running 6')`)
  await page.focus('#grid')
  await until(page, `${shown('grid-detail')}.startsWith('idle-0 caught-up')`)
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowRight')
  await until(page, `${shown('grid-detail')}.startsWith('orders-1 running')`)
  await until(page, `${shown('grid-detail')}.includes('A.orders')`)
  const outline = await inPage<string>(page,
    `getComputedStyle(document.getElementById('grid')).outlineStyle`)
  assert.equal(outline, 'solid', 'the focus is visible')
})

test('a pause by the page needs the token and a reason, and is an order on record', {
  skip, timeout: 120_000
}, async t => {
  const mirror = await createMovingMirror(t, small, [`api.token = ${token}`])
  const { page, errors } = await openPage(await launchBrowser(t), mirror.http.url)
  const { orders } = mirror.api.mirror
  await page.locator('button[aria-label="Pause orders"]').click()
  await until(page, `document.getElementById('order').open`)
  assert.equal(await textOf(page, 'order-title'), 'Pause orders')
  await fill(page, 'order-token', 'a-wrong-token')
  await fill(page, 'order-reason', 'ticket 17')
  await fill(page, 'order-by', 'ann')
  await page.locator('#order-send').click()
  await until(page, `${shown('order-error')}.includes('does not accept this token')`)
  assert.equal(orders.length, 0)
  await fill(page, 'order-token', token)
  await page.locator('#order-send').click()
  await until(page, `!document.getElementById('order').open`)
  const [{ flow, order } = { flow: '', order: undefined }] = orders
  assert.deepEqual([orders.length, flow, order?.kind, order?.reason, order?.by],
    [1, 'A->B', 'pause', 'ticket 17', 'ann (api@127.0.0.1)'])
  assert.deepEqual(order?.kind === 'pause' ? order.scope : undefined, { topic: 'orders' })
  assert.match(await textOf(page, 'notice'), /On record: pause orders/)
  const kept = await inPage<string[]>(page, `[sessionStorage.getItem('longhaul.token'),
    JSON.stringify(localStorage), document.cookie, location.href]`)
  assert.deepEqual(kept.map(each => each.includes(token)), [true, false, false, false])
  assert.deepEqual(errors(/status of 401/), [])
})

test('a skip by the page proposes the offset of the API, and is an order with a reason', {
  skip, timeout: 120_000
}, async t => {
  const mirror = await createMovingMirror(t, small, [`api.token = ${token}`])
  const reason = 'the target refuses the record at source offset 7'
  mirror.set('orders', 2, { state: 'faulted', code: faultCode, reason, skipTo: 6_000_008 })
  await mirror.step(5)
  const { page, errors } = await openPage(await launchBrowser(t), mirror.http.url)
  await page.locator('button[aria-label="Skip orders-2"]').click()
  await until(page, `document.getElementById('order').open`)
  assert.equal(await textOf(page, 'order-title'), 'Skip records of orders-2')
  assert.equal(await inPage(page, `document.getElementById('order-to').value`), '6000008')
  assert.ok((await textOf(page, 'order-fields')).includes(reason))
  await fill(page, 'order-token', token)
  await page.locator('#order-send').click()
  assert.equal(mirror.api.mirror.orders.length, 0, 'a skip needs a reason')
  await fill(page, 'order-to', '6000009')
  await fill(page, 'order-reason', 'ticket 18')
  await page.locator('#order-send').click()
  await until(page, `!document.getElementById('order').open`)
  const given = mirror.api.mirror.orders.map(({ order }) =>
    order.kind === 'skip' ? [order.source, order.to, order.reason] : order.kind)
  assert.deepEqual(given,
    [[{ topic: 'orders', partition: 2 }, 6_000_009n, 'ticket 18']])
  assert.deepEqual(errors(), [])
})

test('a share by the page is an order for one topic, and the orders in force change it', {
  skip, timeout: 120_000
}, async t => {
  const mirror = await createMovingMirror(t, small, [`api.token = ${token}`])
  const { page, errors } = await openPage(await launchBrowser(t), mirror.http.url)
  await page.locator('button[aria-label="Share of orders"]').click()
  await until(page, `document.getElementById('order').open`)
  assert.equal(await textOf(page, 'order-title'), 'Share of the bandwidth for orders')
  await fill(page, 'order-token', token)
  await fill(page, 'order-reason', 'ticket 21')
  for (const percent of ['0', '101', '1.5']) {
    await page.locator('#order-fields input[name="percent"]').fill(percent)
    await page.locator('#order-send').click()
    assert.equal(await inPage(page, `document.querySelector('#order-form').checkValidity()`), false)
  }
  await page.locator('#order-fields input[name="percent"]').fill('30')
  await page.locator('#order-send').click()
  await until(page, `!document.getElementById('order').open`)
  const { orders, state } = mirror.api.mirror
  const given = orders.map(({ order }) =>
    order.kind === 'share' ? [order.scope, order.percent, order.reason] : order.kind)
  assert.deepEqual(given, [[{ topic: 'orders' }, 30, 'ticket 21']])

  state.apply({
    kind: 'share', scope: { topic: 'orders' }, percent: 30, by: 'ann', atMs: 1, reason: 'ticket 21'
  })
  await page.locator('button[aria-label="Change the share of orders"]').click()
  await until(page, `document.getElementById('order').open`)
  await page.locator('#order-fields input[name="file"]').click()
  await fill(page, 'order-reason', 'ticket 21 is over')
  await page.locator('#order-send').click()
  await until(page, `!document.getElementById('order').open`)
  const { order: ended } = orders[1] ?? { order: undefined }
  assert.deepEqual(ended?.kind === 'share' ? [ended.scope, ended.percent] : ended?.kind,
    [{ topic: 'orders' }, undefined])
  assert.deepEqual(errors(), [])
})

test('on the map, the arrow of no flow covers the label of another flow', {
  skip, timeout: 120_000
}, async t => {
  const mirror = await createMovingMirror(t, shop)
  const { page } = await openPage(await launchBrowser(t), mirror.http.url)
  await until(page, `document.querySelectorAll('#map .rate').length === 3`)
  assert.equal(await inPage(page,
    `[...document.querySelectorAll('#map .rate')].every(rate =>
      [...document.querySelectorAll('#map .arrow')].every(arrow =>
        (arrow.compareDocumentPosition(rate) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0) &&
      getComputedStyle(rate).paintOrder.startsWith('stroke'))`), true)
})

test('names and reasons are text, never markup, a link or code', {
  skip, timeout: 120_000
}, async t => {
  const bad = '<img src="/x" onerror="globalThis.isHacked = true"><script>isHacked = true</script>'
  const mirror = await createMovingMirror(t, small)
  mirror.set('orders', 0, { state: 'faulted', code: faultCode, reason: bad })
  mirror.api.mirror.members = [
    { name: bad, build: bad, address: 'javascript:isHacked=true', startedMs: 5, settings: {} },
    { name: 'two', build: '1', address: 'http://127.0.0.1:9', startedMs: 5, settings: {} }
  ]
  mirror.api.mirror.state.apply({
    kind: 'pause', scope: { topic: 'idle' }, isPaused: true, by: bad, atMs: 1, reason: bad
  })
  await mirror.step(5)
  const { page, errors } = await openPage(await launchBrowser(t), mirror.http.url)
  await until(page, `document.querySelectorAll('#members tbody tr').length === 2`)
  const texts = [await cellsOf(page, 'attention'), await cellsOf(page, 'orders'),
    await cellsOf(page, 'members')].map(rows => rows.flat().filter(each => each === bad).length)
  assert.deepEqual(texts, [1, 2, 2])
  assert.equal(await inPage(page, 'document.images.length + document.scripts.length'), 1)
  assert.equal(await inPage(page, 'typeof isHacked'), 'undefined')
  assert.deepEqual(await inPage(page,
    `[...document.querySelectorAll('#members a')].map(each => each.href)`), ['http://127.0.0.1:9/'])
  await assert.rejects(async () => {
    await inPage(page, `document.body.innerHTML = '<p>'`)
  }, /TrustedHTML/)
  errors()
})

test('a page whose process does not answer says so, and since when', {
  skip, timeout: 120_000
}, async t => {
  const mirror = await createMovingMirror(t, small)
  const { page } = await openPage(await launchBrowser(t), mirror.http.url)
  await until(page, `${shown('live')} === 'live'`)
  assert.equal(await inPage(page, `document.body.className`), '')
  await mirror.http.close()
  await until(page, `document.body.className === 'old'`)
  assert.match(await textOf(page, 'banner'),
    /^The process does not answer\. What you see is its state at \d\d:\d\d:\d\d\.$/)
  assert.match(await textOf(page, 'live'), /^figures of \d+(\.\d)? s ago$/)
})

// Regression: it said that the process does not answer, and nobody looked for an error of the page.
test('a page with an error of its own names it', { skip, timeout: 120_000 }, async t => {
  const mirror = await createMovingMirror(t, small)
  const page = await (await launchBrowser(t)).newPage()
  await page.evaluateOnNewDocument(`{
    const ask = fetch
    window.fetch = async (url, ...more) => /flows\\?/.test(String(url))
      ? new Response('{"flows":7}')
      : await ask(url, ...more)
  }`)
  await page.goto(mirror.http.url)
  await until(page, `${shown('banner')} !== ''`)
  assert.match(await textOf(page, 'banner'),
    /^This page has an error of its own: TypeError: .*\. Load it again\.$/)
})

test('where reads need the token, the page asks for it and then shows the flows', {
  skip, timeout: 120_000
}, async t => {
  const mirror = await createMovingMirror(t, small, [`api.token = ${token}`])
  const { config } = mirror.api.mirror
  mirror.api.mirror.config = {
    ...config,
    process: { ...config.process, 'metrics.host': '192.0.2.1' },
    serverTls: { certificate: Buffer.from(''), key: Buffer.from('') }
  }
  const { page } = await openPage(await launchBrowser(t), mirror.http.url)
  await until(page, `!document.getElementById('sign-in').hidden`)
  assert.equal(await inPage(page, `document.getElementById('flow').hidden`), true)
  await fill(page, 'sign-in-token', token)
  await page.keyboard.press('Enter')
  await until(page, `${shown('flow-name')} === 'A->B'`)
  await until(page, `document.getElementById('sign-in').hidden`)
})

test('an update of ten thousand partitions draws only what is in view', {
  skip, timeout: 180_000
}, async t => {
  const topics = Array.from({ length: 200 }, (_, i) =>
    ({ topic: `topic-${i}`, partitions: 50, recordsPerSecond: 1000 }))
  const mirror = await createMovingMirror(t, [{ source: 'A', target: 'B', topics }])
  const { page } = await openPage(await launchBrowser(t), mirror.http.url)
  await until(page, `${shown('chips')}.includes('running 10,000')`)
  await inPage(page, `(() => {
    const draw = CanvasRenderingContext2D.prototype.fillRect
    globalThis.cells = 0
    CanvasRenderingContext2D.prototype.fillRect = function (...of) {
      if (this.canvas.id === 'grid') globalThis.cells++
      return draw.apply(this, of)
    }
  })()`)
  const before = await page.metrics()
  const polls = 5
  for (let poll = 0; poll < polls; poll++) {
    mirror.set(`topic-${poll}`, poll, { state: 'faulted', code: faultCode, reason: 'why' })
    await mirror.step(5)
    await until(page, `${shown('chips')}.includes('faulted ${poll + 1}')`)
  }
  const after = await page.metrics()
  const ms = (name: 'ScriptDuration' | 'LayoutDuration' | 'TaskDuration'): string =>
    (((after[name] ?? 0) - (before[name] ?? 0)) * 1000 / polls).toFixed(1)
  t.diagnostic(`an update of 10,000 partitions: ${ms('ScriptDuration')} ms of scripts, ` +
    `${ms('LayoutDuration')} ms of layout, ${ms('TaskDuration')} ms of all tasks`)
  const drawn = await inPage<number>(page, 'cells')
  const inView = await inPage<number>(page,
    `(Math.ceil(document.getElementById('grid-scroller').clientHeight / 20) + 1) * 50`)
  assert.ok(drawn > 0 && drawn <= inView * polls * 4, `${drawn} cells in ${polls} updates`)
  assert.ok(inView < 1000, `${inView} cells in view`)
})

/** What makes a picture of an ordinary day. */
function populate (
  { api: { clock, mirror }, http }: MovingMirror, second: MovingMirror
): void {
  const startedMs = clock.now() - 9_400_000
  const half = (from: number): number[] => Array.from({ length: 16 }, (_, i) => from + 2 * i)
  const member = { build: '1.2.3', startedMs, settings: {} }
  mirror.members = [
    { ...member, name: 'longhaul-1', address: http.url, slots: half(0) },
    { ...member, name: 'longhaul-2', address: second.http.url, slots: half(1) }
  ]
  second.api.mirror.members = mirror.members
  second.api.mirror.report = { memberName: 'longhaul-2' }
  mirror.state.apply({
    kind: 'pause', scope: { topic: 'inventory' }, isPaused: true, by: 'ann',
    reason: 'ticket 17: stock take', atMs: clock.now() - 780_000
  })
  mirror.report = {
    duties: ['heartbeats', 'checkpoints', 'topic settings'].map((name, slot) =>
      ({ name, slot, lastSuccessMs: clock.now() - 2_000, durationMs: 12, error: undefined })),
    groups: {
      atMs: clock.now() - 3_000,
      positions: ['billing', 'search-index', 'warehouse'].map((group, i) => ({
        group,
        offsets: [0, 1, 2, 3].slice(i).map(partition => ({
          topic: 'frankfurt.orders', partition, upstream: 4_120_000n + BigInt(partition),
          downstream: 4_118_200n + BigInt(partition), metadata: ''
        }))
      }))
    }
  }
}

test('pictures of the page', { skip: screenshots === undefined }, async t => {
  const mirror = await createMovingMirror(t, shop, [`api.token = ${token}`])
  const browser = await launchBrowser(t)
  await mirror.step(5)
  await mirror.step(5)
  // Another process of the flows, which has no partition: each flow of the page asks it.
  const second = await createMovingMirror(t, shop.map(flow => ({ ...flow, topics: [] })))
  populate(mirror, second)
  for (let partition = 0; partition < 12; partition++) {
    mirror.set('inventory', partition, { state: 'paused', code: 0, reason: '' })
  }
  const light = await openPage(browser, mirror.http.url, { height: 960, scale: 1.25 })
  await live(mirror, 20)
  const reason = 'the target refuses a record: it is larger than max.message.bytes of the topic'
  mirror.set('orders', 7, { state: 'faulted', code: faultCode, reason })
  mirror.set('clicks', 31, { state: 'waiting', code: 0, reason: 'the source has no leader of it' })
  await live(mirror, 3)
  const picture = async (name: string): Promise<void> => {
    const path = join(screenshots ?? '', name) as `${string}.png`
    await light.page.screenshot({ path, fullPage: name !== 'page.png' })
  }
  await picture('page.png')
  await picture('page-light.png')
  await light.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }])
  await live(mirror, 1)
  await picture('page-dark.png')
  assert.deepEqual(light.errors(), [])
  assert.equal(errorByCode(faultCode).code, faultCode)
  assert.equal((await cellsOf(light.page, 'flows')).length, 3)
  assert.equal(await textOf(light.page, 'flow-name'), 'frankfurt->sydney')
})
