// Writes contract.generated.h; `npm run generate` calls it.
import { writeFileSync } from 'node:fs'
import { renderContract } from './render-contract.ts'

writeFileSync(new URL('../../../../src/dataplane/contract/contract.generated.h', import.meta.url),
  renderContract())
