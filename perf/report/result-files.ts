// The files with a run's results: JSON and picture, and with --append the record of results.

import { appendFileSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { repoRoot } from '../../test/kafka/repo-root.ts'
import type { LoopbackResult, LoopbackSettings } from '../scenarios/loopback.ts'
import { renderMarkdownTable } from './result-tables.ts'
import { renderChart } from './svg-chart.ts'

export interface RunRecord {
  readonly scenario: 'loopback' | 'small-batches' | 'compacted'
  readonly settings: LoopbackSettings
  readonly outcome: LoopbackResult
  readonly command: string
  readonly startedAt: Date
}

export interface WrittenFiles {
  readonly json: string
  readonly svg: string
}

/** Not part of the repository: `.cache/perf/`. */
export function writeRun (run: RunRecord): WrittenFiles {
  const folder = join(repoRoot(), '.cache/perf')
  mkdirSync(folder, { recursive: true })
  const stem = join(folder, `${run.scenario}-${stamp(run.startedAt)}`)
  const files = { json: `${stem}.json`, svg: `${stem}.svg` }
  writeFileSync(files.json, `${JSON.stringify(toJson(run), undefined, 2)}\n`)
  writeFileSync(files.svg, renderChart(run.outcome.results, {
    title: `Mirroring ${gigabytes(run)} GB on one machine`,
    subtitle: `${describeLoad(run)}; ${machine()}; ${day(run.startedAt)}`
  }))
  return files
}

/** Appends the run to perf/results/<scenario>.md; existing sections are not changed. */
export function appendRun (run: RunRecord, files: WrittenFiles): string {
  const folder = join(repoRoot(), 'perf/results')
  mkdirSync(folder, { recursive: true })
  const name = `${run.scenario}-${stamp(run.startedAt)}`
  copyFileSync(files.json, join(folder, `${name}.json`))
  copyFileSync(files.svg, join(folder, `${name}.svg`))
  const path = join(folder, `${run.scenario}.md`)
  const heading = `# ${run.scenario}\n\nOldest first; ../README.md says how to read them.\n`
  if (!existsSync(path)) writeFileSync(path, heading)
  appendFileSync(path, renderSection(run, name))
  return path
}

function renderSection (run: RunRecord, name: string): string {
  const descriptions = run.settings.contenders.map(c => `- ${c.name}: ${c.description}`)
  return [
    '',
    `## ${day(run.startedAt)}`,
    '',
    `\`${run.command}\``,
    '',
    `${describeLoad(run)}; ${machine()}.`,
    '',
    renderMarkdownTable(run.outcome),
    '',
    ...descriptions,
    '',
    `![${run.scenario}](${name}.svg) [JSON](${name}.json)`,
    ''
  ].join('\n')
}

function toJson (run: RunRecord): unknown {
  const { settings, outcome } = run
  return {
    scenario: run.scenario,
    command: run.command,
    startedAt: run.startedAt.toISOString(),
    machine: { cores: cpus().length, model: cpus()[0]?.model, memoryBytes: totalmem() },
    settings: {
      records: settings.records,
      recordBytes: settings.recordBytes,
      batchBytes: settings.batchBytes,
      codec: settings.codec,
      partitions: settings.partitions,
      rounds: settings.rounds,
      contenders: settings.contenders.map(c => ({ name: c.name, description: c.description }))
    },
    ...outcome
  }
}

function describeLoad ({ settings, outcome }: RunRecord): string {
  const { batchBytes, codec, partitions, recordBytes } = settings
  const { batches, records } = outcome.source
  return `${records.toLocaleString('en')} records of ${recordBytes} bytes, ${codec}, ` +
    `${batches.toLocaleString('en')} batches of ${batchBytes} bytes, ${partitions} partitions`
}

function machine (): string {
  return `${cpus().length} cores shared by brokers and contender, ` +
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB`
}

function gigabytes ({ outcome }: RunRecord): string {
  return (outcome.source.bytes / 1e9).toFixed(2)
}

function day (date: Date): string {
  return date.toISOString().slice(0, 10)
}

function stamp (date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll(':', '')
}
