// All contenders, by their names on the command line.

import type { Contender } from './contender.ts'
import { longhaul } from './longhaul/longhaul.ts'
import { mirrorMaker } from './mirror-maker/mirror-maker.ts'
import { relay } from './relay/relay.ts'

export const contenders: readonly Contender[] = [longhaul, mirrorMaker, relay]

export function mustFindContender (name: string): Contender {
  const found = contenders.find(contender => contender.name === name)
  if (found !== undefined) return found
  throw new Error(`no contender ${name}; there are ${contenders.map(c => c.name).join(', ')}`)
}
