// `npm run generate`: writes every file, and every part of a file, that is rendered from a table. A
// test fails if one of them is stale.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { renderContract } from '../dataplane/contract/render-contract.ts'
import {
  renderFingerprint, renderNativeFingerprint
} from '../dataplane/contract/render-fingerprint.ts'
import { renderPartitionPhases } from '../dataplane/contract/render-partition-phases.ts'
import { renderDifferences } from './config/differences.ts'
import { renderConfigDocs } from './config/render-config-docs.ts'
import { renderGrafanaDashboard } from './observability/render-grafana-dashboard.ts'
import { renderMetricDocs } from './observability/render-metric-docs.ts'
import { renderPartitionStates } from './partitions/render-partition-states.ts'

export interface GeneratedFile {
  /** Relative to the repository. */
  readonly file: string
  readonly render: () => string
  /** The name of the markers around the generated text; undefined: the whole file is generated. */
  readonly section?: string
}

const lifeOfAPartition = 'docs/design/life-of-a-partition.md'

export const generatedFiles: readonly GeneratedFile[] = [
  { file: 'src/dataplane/contract/contract.generated.h', render: renderContract },
  { file: 'src/dataplane/contract/fingerprint.generated.ts', render: renderFingerprint },
  { file: 'src/dataplane/binding/fingerprint.generated.cc', render: renderNativeFingerprint },
  { file: 'CONFIGURATION.md', render: renderConfigDocs },
  { file: 'docs/comparison.md', section: 'differences', render: renderDifferences },
  { file: 'METRICS.md', render: renderMetricDocs },
  { file: 'deploy/grafana/longhaul.json', render: renderGrafanaDashboard },
  { file: lifeOfAPartition, section: 'partition states', render: renderPartitionStates },
  { file: lifeOfAPartition, section: 'lane phases', render: renderPartitionPhases }
]

/** The complete text of the file, with the generated text inserted into the present one. */
export function generatedText ({ file, render, section }: GeneratedFile, text: string): string {
  if (section === undefined) return render()
  const begin = `<!-- generated: ${section} -->\n`
  const end = `\n<!-- end of ${section} -->`
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < 0) throw new Error(`${file} lacks the markers of "${section}"`)
  return text.slice(0, from + begin.length) + render() + text.slice(to)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const generated of generatedFiles) {
    const path = new URL(`../../../${generated.file}`, import.meta.url)
    const text = generated.section === undefined ? '' : readFileSync(path, 'utf8')
    writeFileSync(path, generatedText(generated, text))
  }
}
