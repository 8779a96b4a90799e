// The states of the partitions, as the page shows them and as the API answers them.
import assert from 'node:assert/strict'
import type { Page } from 'puppeteer-core'
import { cellsOf } from './browser.ts'

interface Answers {
  readonly partitionsByState: Readonly<Record<string, number>>
  readonly partitions: ReadonlyArray<{
    readonly topic: string, readonly partition: number, readonly reason: string
  }>
}

/**
 * Resolves when the page shows the numbers and the faults that the API answers. `api` reads a path
 * below that of the flow. No state but `faulted` may need attention meanwhile.
 */
export async function untilSameStates (
  page: Page, api: (path: string) => Promise<unknown>
): Promise<void> {
  const until = async (expression: string): Promise<void> => {
    await page.waitForFunction(expression, { timeout: 60_000, polling: 100 })
  }
  const { partitionsByState } = await api('') as Answers
  for (const [state, count] of Object.entries(partitionsByState)) {
    const chip = `document.querySelector('.chip[data-state="${state}"]')`
    await until(count === 0
      ? `!${chip} || ${chip}.hidden`
      : `${chip}?.innerText === '${state} ${count}'`)
  }
  const { partitions } = await api('/partitions?state=faulted') as Answers
  await until(`document.querySelectorAll('#attention tbody tr').length === ${partitions.length}`)
  const rows = (await cellsOf(page, 'attention')).map(([name, state, , why]) => [name, state, why])
  assert.deepEqual(rows, partitions.map(each =>
    [`${each.topic}-${each.partition}`, 'faulted', each.reason]))
}
