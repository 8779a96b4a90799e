// A file with properties that MirrorMaker 2 ignores and Longhaul reads, as MirrorMaker 2 needs it
// to mean the same: the rows 'settings at a cluster', 'client property without role', 'producer of
// a flow' and 'without offset syncs' of differences.ts. Only for files of the clusters A and B.

interface Places {
  /** The highest place that has a value wins. */
  readonly fromHighest: readonly string[]
  /** Of these, the places that MirrorMaker 2 reads. The first one wins over all. */
  readonly read: readonly [string, ...string[]]
}

const settings = ['topics', 'groups', 'config.properties.exclude', 'replication.factor']

function placesOf (source: string, target: string): readonly Places[] {
  const flow = `${source}->${target}`
  const reset = 'auto.offset.reset'
  return [
    ...settings.map((name): Places => ({
      fromHighest: [`${flow}.${name}`, `${target}.${name}`, name],
      read: [`${flow}.${name}`, name]
    })),
    {
      fromHighest: [`${flow}.source.consumer.${reset}`, `${flow}.${reset}`,
        `${source}.consumer.${reset}`, `${flow}.consumer.${reset}`, `${source}.${reset}`, reset],
      read: [`${flow}.source.consumer.${reset}`, `${source}.consumer.${reset}`,
        `${flow}.consumer.${reset}`]
    },
    {
      fromHighest: ['producer.override.', '', `${target}.producer.`, 'target.producer.',
        'producer.', `${target}.`]
        .map(place => `${place.startsWith(target) ? '' : `${flow}.`}${place}linger.ms`)
        .concat('producer.linger.ms', 'linger.ms'),
      read: [`${flow}.producer.override.linger.ms`, `${target}.producer.linger.ms`]
    }
  ]
}

const places = [...placesOf('A', 'B'), ...placesOf('B', 'A')]

/** The file, with lines at its end for what MirrorMaker 2 would ignore. */
export function asMirrorMakerReads (file: string): string {
  const values = new Map(file.split('\n').flatMap(line => {
    const [, key, value = ''] = /^([^\s#!=:]+)\s*[=:]\s*(.*)$/.exec(line) ?? []
    return key === undefined ? [] : [[key, value] as const]
  }))
  const more = places.flatMap(({ fromHighest, read }) => {
    const winner = fromHighest.find(place => values.has(place))
    return winner === undefined || read.includes(winner)
      ? []
      : [`${read[0]} = ${values.get(winner) ?? ''}`]
  })
  // Without offset syncs MirrorMaker 2 runs no connector for checkpoints.
  const withSyncs = values.get('emit.offset-syncs.enabled') === 'false'
    ? ['emit.offset-syncs.enabled = true']
    : []
  return [file, ...more, ...withSyncs].join('\n')
}
