// Whether the brokers support the request versions that Longhaul sends.
import type { RequestVersion } from '../cluster/cluster-samples.ts'
import type { Side } from '../config/property-path.ts'
import { listed, type Check, type Finding } from './check.ts'
import { measuredBrokersMax } from './round-trip.ts'

/** Without these no record is mirrored. */
const needed: Readonly<Record<Side, readonly string[]>> = {
  source: ['Fetch', 'ListOffsets'], target: ['Produce', 'Fetch', 'ListOffsets']
}

/** Without these only a part does not work. */
const optional: Readonly<Record<Side, Readonly<Record<string, string>>>> = {
  source: {
    OffsetFetch: 'reading the offsets of consumer groups', ListGroups: 'finding consumer groups'
  },
  target: {
    OffsetCommit: 'committing the offsets of consumer groups',
    DescribeProducers: 'asking a leader for the last sequence: a resume reads the target instead'
  }
}

export interface BrokerVersions {
  readonly side: Side
  readonly cluster: string
  readonly broker: number
  readonly versions: readonly RequestVersion[]
}

/** Pure. */
export function judgeVersions (brokers: readonly BrokerVersions[]): readonly Finding[] {
  const lacking = brokers.flatMap(({ broker, cluster, side, versions }): readonly Finding[] =>
    versions.filter(({ version }) => version < 0).flatMap(({ max, min, name }) => {
      const isNeeded = needed[side].includes(name)
      const without = optional[side][name]
      if (!isNeeded && without === undefined) return []
      return [{
        severity: isNeeded ? 'problem' : 'note',
        about: `broker ${broker} of ${cluster}`,
        measured: `does not support ${name} v${min} to v${max}` +
          (without === undefined ? '' : `, for ${without}`),
        advice: isNeeded
          ? 'Upgrade the broker: Longhaul cannot mirror with it'
          : 'Upgrade the broker, or do without'
      }]
    }))
  const clusters = [...new Set(brokers.map(({ cluster }) => cluster))]
  return lacking.length > 0
    ? lacking
    : clusters.map(cluster => {
      const [first] = brokers.filter(each => each.cluster === cluster)
      const shown = (first?.versions ?? []).filter(({ name }) =>
        needed[first?.side ?? 'source'].includes(name))
      return {
        severity: 'ok',
        about: cluster,
        measured: `supports ${listed(shown.map(({ name, version }) => `${name} v${version}`))}`
      }
    })
}

export const versionsCheck: Check = {
  name: 'versions',
  run: async ({ clusters, config }) => judgeVersions((await Promise.all(
    (['source', 'target'] as const).map(async side => await Promise.all(
      clusters[`${side}Description`].brokers.slice(0, measuredBrokersMax).map(async ({ id }) => ({
        side,
        cluster: config[side].alias,
        broker: id,
        versions: await clusters[side].requestVersions(id)
      })))))).flat())
}
