// Each pair of Kafka versions: source, target. `npm run test:versions` runs them all, one by one;
// `npm run test:versions -- --test-name-pattern='2.8.2 to 4.4.0'` runs one of them.
import { describe, test } from 'node:test'
import { startClusters } from '../integration/mirrored-clusters.ts'
import { brokerVersions } from '../kafka/versions.ts'
import { trySmokeSuite } from './smoke.ts'

/** Undefined: the version of pom.xml, with which all other tests run. */
const versions = [undefined, ...brokerVersions]
const nameOf = (version: typeof versions[number]): string => version?.version ?? '4.1.0'

describe('Kafka versions', () => {
  for (const source of versions) {
    for (const target of versions) {
      test(`${nameOf(source)} to ${nameOf(target)}`, async t => {
        const options = (version: typeof versions[number]): Parameters<typeof startClusters>[0] =>
          ({ brokers: 3, ...version === undefined ? {} : { version } })
        const clusters = await startClusters(options(source), options(target))
        t.after(async () => { await clusters.close() })
        await trySmokeSuite(t, clusters)
      })
    }
  }
})
