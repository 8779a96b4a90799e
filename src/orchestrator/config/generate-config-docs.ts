// Writes CONFIGURATION.md; `npm run generate` calls it.
import { writeFileSync } from 'node:fs'
import { renderConfigDocs } from './render-config-docs.ts'

writeFileSync(new URL('../../../../CONFIGURATION.md', import.meta.url), renderConfigDocs())
