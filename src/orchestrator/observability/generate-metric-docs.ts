// Writes METRICS.md; `npm run generate` calls it.
import { writeFileSync } from 'node:fs'
import { renderMetricDocs } from './render-metric-docs.ts'

writeFileSync(new URL('../../../../METRICS.md', import.meta.url), renderMetricDocs())
