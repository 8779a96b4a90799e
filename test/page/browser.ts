// A page of a process in headless Chromium. A test fails if the page breaks its security policy,
// throws, or writes an error to the console.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import type { TestContext } from 'node:test'
import puppeteer, { type Browser, type Page } from 'puppeteer-core'

/** Undefined: this machine has none. */
export const chromiumPath = [
  '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'
].find(existsSync)

export interface OpenPage {
  readonly page: Page
  /** Errors since the last call, without those that match `expected`. */
  errors (expected?: RegExp): readonly string[]
}

/** Closed at the end of the test. */
export async function launchBrowser (t: TestContext): Promise<Browser> {
  assert.ok(chromiumPath !== undefined)
  // Chromium refuses its sandbox to root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = await puppeteer.launch({
    executablePath: chromiumPath, args: [...args, '--disable-gpu']
  })
  t.after(async () => { await browser.close() })
  return browser
}

export async function openPage (
  browser: Browser, url: string,
  { dark = false, width = 1280, height = 900, scale = 1 }: {
    readonly dark?: boolean, readonly width?: number, readonly height?: number
    readonly scale?: number
  } = {}
): Promise<OpenPage> {
  const page = await browser.newPage()
  let errors: string[] = []
  page.on('pageerror', thrown => { errors.push(String(thrown)) })
  page.on('console', line => { if (line.type() === 'error') errors.push(line.text()) })
  await page.setViewport({ width, height, deviceScaleFactor: scale })
  await page.emulateMediaFeatures([
    { name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }
  ])
  await page.goto(url, { waitUntil: 'domcontentloaded' })
  return {
    page,
    errors: expected => {
      const found = errors.filter(each => expected?.test(each) !== true)
      errors = []
      return found
    }
  }
}

/** The text of the element with this id, as the page shows it. */
export async function textOf (page: Page, id: string): Promise<string> {
  return await inPage<string>(page, `document.getElementById('${id}').innerText`)
}

/** The first cells of the rows of a table. */
export async function cellsOf (page: Page, id: string): Promise<readonly string[][]> {
  return await inPage(page, `[...document.querySelectorAll('#${id} tbody tr')]
    .map(each => [...each.children].map(cell => cell.innerText))`)
}

/** The value of an expression; a text, because tests have no types of browsers. */
export async function inPage<Value> (page: Page, expression: string): Promise<Value> {
  return await page.evaluate(expression) as Value
}
