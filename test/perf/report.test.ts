// The report of a run: ratios beside absolute figures, a table in two forms, a picture in
// proportion.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { figures, formatFigure, formatRatio } from '../../perf/report/figure-table.ts'
import { renderMarkdownTable, renderTerminalTable } from '../../perf/report/result-tables.ts'
import { renderChart } from '../../perf/report/svg-chart.ts'
import type { ContenderResult } from '../../perf/scenarios/loopback.ts'

function createResult (contender: string, cpuSecondsPerGigabyte: number): ContenderResult {
  return {
    contender,
    seconds: 10,
    megabytesPerSecond: 150,
    steadyMegabytesPerSecond: 150,
    cpuSeconds: cpuSecondsPerGigabyte * 1.5,
    cpuSecondsPerGigabyte,
    cpuSecondsTotal: cpuSecondsPerGigabyte * 2,
    targetCpuSecondsPerGigabyte: 9,
    peakRssMegabytes: 100,
    secondsToFirstRecord: 0.5,
    minorFaultsPerGigabyte: 12_000,
    voluntarySwitchesPerGigabyte: 40_000,
    involuntarySwitchesPerGigabyte: 900,
    cpuByThread: contender === 'relay'
      ? { 'node, main thread': 0.5 }
      : { 'lane loops': 0.1, 'broker threads of the source': 0.9, 'node, main thread': 0.2 },
    ...contender === 'relay' ? {} : { targetBatches: 12_000 }
  }
}

const results = [
  createResult('longhaul', 1.5), createResult('mirror-maker', 30), createResult('relay', 0.5)
]
const [cpu] = figures

describe('the report of a perf run', () => {
  test('puts the ratio to MirrorMaker 2 beside every figure but its own', () => {
    assert.ok(cpu)
    const [longhaul, mirrorMaker] = results as [ContenderResult, ContenderResult]
    assert.equal(formatFigure(cpu, longhaul, mirrorMaker), '1.50 (1/20)')
    assert.equal(formatFigure(cpu, mirrorMaker, mirrorMaker), '30.00')
  })

  test('writes ratios in readable form', () => {
    const texts = [2.714, 12.4, 1, 0.5, 0.04].map(formatRatio)
    assert.deepEqual(texts, ['×2.7', '×12', '×1.0', '1/2.0', '1/25'])
  })

  test('shows the same rows on the terminal and in Markdown, and the ratio to the limit', () => {
    const rounds = results.map(result =>
      [result, { ...result, cpuSecondsPerGigabyte: result.cpuSecondsPerGigabyte + 0.1 }])
    const outcome = { source: { records: 1, batches: 1, bytes: 1 }, results, rounds }
    for (const text of [renderTerminalTable(outcome), renderMarkdownTable(outcome)]) {
      assert.match(text, /Medians of 2 rounds.*: longhaul 1\.55 \(1\.50-1\.60\) CPU s\/GB, 150/)
      for (const figure of figures) assert.ok(text.includes(figure.title), figure.title)
      assert.match(text, /× relay\s*[|│]\s*3\.0\s*[|│]\s*60\.0\s*[|│]\s*1\.0/)
      assert.match(text, /against mirror-maker/)
      assert.match(text, /longhaul by thread: broker threads of the source 0\.90, node, main/)
      assert.doesNotMatch(text, /relay by thread/)
    }
  })

  test('draws bars in proportion, and escapes what it prints', () => {
    const svg = renderChart(results, { title: 'a < b & c', subtitle: 'd' })
    assert.match(svg, /a &lt; b &amp; c/)
    const bars = [...svg.matchAll(/<rect x="[^"]+" y="[^"]+" width="([^"]+)"/g)]
    const widths = bars.map(bar => Number(bar[1]))
    const [ours = 0, theirs = 0] = widths
    assert.ok(Math.abs(theirs / ours - 20) < 0.1, `${ours} against ${theirs}`)
  })
})
