// The page for people who use a keyboard or a screen reader, in headless Chromium: axe-core finds
// no violation of WCAG 2.1 A and AA, each control is reached by the Tab key and shows the focus,
// and a dialog keeps and returns the focus.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import axe from 'axe-core'
import type { Page } from 'puppeteer-core'
import { token } from './orchestrator/api/create-api.ts'
import { chromiumPath, inPage, launchBrowser, openPage } from './page/browser.ts'
import { createMovingMirror, type MovingMirror } from './page/moving-mirror.ts'

const skip = chromiumPath === undefined ? 'no Chromium: apt-get install chromium' : false
const flows = [{
  source: 'A', target: 'B', topics: [
    { topic: 'orders', partitions: 6, recordsPerSecond: 900 },
    { topic: 'idle', partitions: 3, recordsPerSecond: 0 }
  ]
}]

/** A faulted partition, a pause, a process that does not answer: each list has a row. */
async function createTroubled (t: TestContext): Promise<MovingMirror> {
  const mirror = await createMovingMirror(t, flows, [`api.token = ${token}`])
  const reason = 'the target refuses the record at source offset 7'
  mirror.set('orders', 2, { state: 'faulted', code: 2040, reason, skipTo: 8 })
  mirror.set('idle', 0, { state: 'paused', code: 0, reason: '' })
  mirror.api.mirror.state.apply({
    kind: 'pause', scope: { topic: 'idle' }, isPaused: true, by: 'ann', atMs: 1, reason: 'ticket 1'
  })
  mirror.api.mirror.members = [...mirror.api.mirror.members, {
    name: 'longhaul-2', build: '1.2.3', address: 'http://127.0.0.1:1', startedMs: 5, settings: {},
    slots: [1]
  }]
  await mirror.step(5)
  return mirror
}

async function until (page: Page, expression: string): Promise<void> {
  await page.waitForFunction(expression, { timeout: 60_000, polling: 100 })
}

/** The page learns last which orders the process has. */
const ready = `document.querySelectorAll('#attention tbody tr').length > 0 &&
  document.querySelectorAll('#members tbody tr').length > 0 &&
  document.querySelector('button[aria-label^="Share of"]') !== null`

/** `rule: element` of each violation. */
async function violationsIn (page: Page): Promise<readonly string[]> {
  if (!await inPage<boolean>(page, `'axe' in globalThis`)) await page.evaluate(axe.source)
  return await inPage(page, `axe.run({
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']
  }).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => id + ': ' + html + ' ' + failureSummary)))`)
}

for (const dark of [false, true]) {
  test(`axe finds no violation in the ${dark ? 'dark' : 'light'} page and its dialogs`, {
    skip, timeout: 180_000
  }, async t => {
    const mirror = await createTroubled(t)
    const { page } = await openPage(await launchBrowser(t), mirror.http.url, { dark })
    await until(page, ready)
    assert.deepEqual(await violationsIn(page), [])
    for (const label of ['Skip orders-2', 'Pause orders', 'Share of orders']) {
      await page.locator(`button[aria-label="${label}"]`).click()
      await until(page, `document.getElementById('order').open`)
      assert.deepEqual(await violationsIn(page), [], label)
      await page.keyboard.press('Escape')
      await until(page, `!document.getElementById('order').open`)
    }
  })
}

/** Of the element that has the focus. */
const focused = `(() => {
  const { activeElement: at } = document
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(at)
  return {
    name: at.getAttribute('aria-label') ?? (at.innerText || at.getAttribute('placeholder') ||
      at.closest('label')?.innerText || at.id),
    isBody: at === document.body,
    isSeen: (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none'
  }
})()`

interface Focused { readonly name: string, readonly isBody: boolean, readonly isSeen: boolean }

test('the Tab key reaches each control, in order, and the focus is seen', {
  skip, timeout: 180_000
}, async t => {
  const mirror = await createTroubled(t)
  const { page } = await openPage(await launchBrowser(t), mirror.http.url)
  await until(page, ready)
  const walked: Focused[] = []
  for (let step = 0; step < 100; step++) {
    await page.keyboard.press('Tab')
    const at = await inPage<Focused>(page, focused)
    if (at.isBody) break
    walked.push(at)
  }
  const names = walked.map(({ name }) => name.trim())
  assert.equal(names[0], 'Skip to content')
  assert.deepEqual(walked.filter(({ isSeen }) => !isSeen), [])
  const wanted = await inPage<string[]>(page, `[...document.querySelectorAll(
    'button, a[href], input, select, [tabindex="0"]')]
    .filter(each => each.checkVisibility() && !each.closest('dialog'))
    .map(each => (each.getAttribute('aria-label') ?? (each.innerText ||
      each.getAttribute('placeholder') || each.id)).trim())`)
  assert.deepEqual(wanted.filter(each => !names.includes(each)), [], names.join())
  const places = ['Pause flow…', 'Filter topics', 'Skip orders-2', 'Pause orders', 'metrics']
    .map(each => names.indexOf(each))
  assert.deepEqual(places, places.toSorted((one, other) => one - other), names.join())
  assert.ok(!places.includes(-1), names.join())
})

// Regression: the answer about the chosen partition replaced the buttons of the partition, of which
// one had got the focus since the request: the next Tab began at the top of the page.
test('a button keeps the focus when the answer about its partition arrives', {
  skip, timeout: 180_000
}, async t => {
  const mirror = await createTroubled(t)
  const { page } = await openPage(await launchBrowser(t), mirror.http.url)
  await until(page, ready)
  await inPage(page, `(() => {
    const request = fetch
    globalThis.fetch = async (...args) => {
      const answer = await request(...args)
      if (!/[?&]topic=idle&limit=1$/.test(String(args[0]))) return answer
      await new Promise(resolve => { globalThis.answerNow = resolve })
      setTimeout(() => { globalThis.isAnswered = true }, 200)
      return answer
    }
  })()`)
  await page.focus('#grid')
  await until(page, `globalThis.answerNow !== undefined`)
  await page.focus('button[aria-label="Pause idle-0"]')
  await inPage(page, 'answerNow()')
  await until(page, 'globalThis.isAnswered')
  assert.equal(await inPage(page, `document.activeElement.getAttribute('aria-label')`),
    'Pause idle-0')
})

test('a dialog opens with Enter, keeps the focus, and returns it after Escape', {
  skip, timeout: 180_000
}, async t => {
  const mirror = await createTroubled(t)
  const { page } = await openPage(await launchBrowser(t), mirror.http.url)
  await until(page, ready)
  await page.focus('button[aria-label="Pause orders"]')
  await page.keyboard.press('Enter')
  await until(page, `document.getElementById('order').open`)
  for (let step = 0; step < 12; step++) {
    await page.keyboard.press('Tab')
    assert.ok(await inPage<boolean>(page, `document.activeElement === document.body ||
      document.getElementById('order').contains(document.activeElement)`), `step ${step}`)
  }
  await page.keyboard.press('Escape')
  await until(page, `!document.getElementById('order').open`)
  assert.equal(await inPage(page, `document.activeElement.getAttribute('aria-label')`),
    'Pause orders')
})

test('the keyboard alone is enough for an order', { skip, timeout: 180_000 }, async t => {
  const mirror = await createTroubled(t)
  const { page } = await openPage(await launchBrowser(t), mirror.http.url)
  await until(page, ready)
  await inPage(page, `[...document.querySelectorAll('#flow-buttons button')]
    .find(each => each.innerText === 'Throttle…').focus()`)
  await page.keyboard.press('Enter')
  await until(page, `document.getElementById('order').open`)
  const type = async (selector: string, text: string): Promise<void> => {
    for (let step = 0; step < 12; step++) {
      if (await inPage<boolean>(page,
        `document.activeElement?.matches(${JSON.stringify(selector)}) === true`)) break
      await page.keyboard.press('Tab')
    }
    await page.keyboard.type(text)
  }
  await type('#order-fields [name=bytesPerSecond]', '10485760')
  await type('#order-token', token)
  await type('#order-reason', 'working hours')
  await page.keyboard.press('Enter')
  await until(page, `!document.getElementById('order').open`)
  const [given] = mirror.api.mirror.orders
  assert.deepEqual([given?.order.kind, given?.order.reason], ['throttle', 'working hours'])
  assert.equal(given?.order.kind === 'throttle' ? given.order.bytesPerSecond : undefined,
    10_485_760)
})
