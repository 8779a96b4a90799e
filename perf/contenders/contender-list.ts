// All contenders, by their names on the command line and by scenario.

import type { Contender } from './contender.ts'
import { longhaul, longhaulAuto, longhaulRebatch } from './longhaul/longhaul.ts'
import { mirrorMaker, mirrorMakerDefaults } from './mirror-maker/mirror-maker.ts'
import { relay, relayOfBatches, relayOfBrokers } from './relay/relay.ts'

const loopback: readonly Contender[] =
  [longhaul, mirrorMaker, relay, relayOfBrokers, relayOfBatches]

/** What a scenario runs if no contenders are named. */
export const contendersOf = {
  loopback,
  'small-batches': [longhaul, longhaulRebatch, longhaulAuto, mirrorMaker],
  'compacted': [longhaul, mirrorMaker],
  'catch-up': [longhaul, mirrorMaker],
  'latency': [longhaul, mirrorMakerDefaults]
} as const satisfies Readonly<Record<string, readonly Contender[]>>

const contenders = [...new Set(Object.values(contendersOf).flat())]

export function mustFindContender (name: string): Contender {
  const found = contenders.find(contender => contender.name === name)
  if (found !== undefined) return found
  throw new Error(`no contender ${name}; there are ${contenders.map(c => c.name).join(', ')}`)
}
