// A process of a new version replaces one of the old version under load, and back: with both
// running for a while, and one after the other. npm has installed both from tarballs.
// LONGHAUL_OLD_COMMIT names the commit of the old version, which is built once; by default the old
// version is this one under another number.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import {
  installArguments, installedTree, packageOfCommit, packageOfVersion
} from '../deploy/package-file.ts'
import { createTempFolder, removeFolder } from '../kafka/process-guard.ts'
import { LoadedFlow } from './loaded-flow.ts'
import type { MirrorProcess } from './mirror-process.ts'
import { startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const partitions = 4

/** The folder of an installation of the package, of a commit or of this build, under a version. */
function install (t: TestContext, version: string, commit?: string): string {
  const folder = createTempFolder('version')
  t.after(() => { removeFolder(folder) })
  const prefix = join(folder, 'prefix')
  const built = commit === undefined ? undefined : packageOfCommit(commit)
  execFileSync(process.execPath,
    installArguments(packageOfVersion(folder, version, built), prefix), { stdio: 'pipe' })
  return installedTree(prefix)
}

async function versionOf (mirror: MirrorProcess): Promise<string | undefined> {
  const series = [...(await mirror.metrics()).series.keys()].join('\n')
  return /longhaul_build_info\{.*version="([^"]+)"/.exec(series)?.[1]
}

describe('an upgrade and a roll-back under load', () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters() })
  after(async () => { await clusters.close() })

  test('lose and double no record', async t => {
    const oldTree = install(t, '0.0.9', process.env['LONGHAUL_OLD_COMMIT'])
    const newTree = install(t, '99.0.0')
    const flow = await LoadedFlow.create(t, clusters, 'upgraded', { partitions })
    const first = await flow.start({}, oldTree)
    assert.equal(await versionOf(first), '0.0.9')
    await flow.more(first)
    const upgraded = await flow.handOver(first, newTree)
    assert.equal(await versionOf(upgraded), '99.0.0')
    await flow.more(upgraded)
    const rolledBack = await flow.handOver(upgraded, oldTree)
    assert.equal(await versionOf(rolledBack), '0.0.9')
    await flow.more(rolledBack)

    // Without an overlap, as a service manager restarts a process.
    assert.equal((await rolledBack.stop()).code, 0)
    const restarted = await flow.start({}, newTree)
    await flow.more(restarted)
    assert.equal((await restarted.stop()).code, 0)
    const last = await flow.start({}, oldTree)
    await flow.more(last)
    await flow.finish(last)
    assert.equal((await last.stop()).code, 0)
  })
})
