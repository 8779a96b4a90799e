// A process of a new version replaces one of the old version under load, and back: with both
// running for a while, and one after the other. LONGHAUL_OLD_TREE names a clone of an old version
// with its build; by default the old version is this one under another number.
import assert from 'node:assert/strict'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { createTempFolder, removeFolder } from '../kafka/process-guard.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import { LoadedFlow } from './loaded-flow.ts'
import type { MirrorProcess } from './mirror-process.ts'
import { startClusters, type MirroredClusters } from './mirrored-clusters.ts'

const partitions = 4

/** A copy of this program with another version. */
function createTree (t: TestContext, version: string): string {
  const root = repoRoot()
  const tree = createTempFolder('version')
  t.after(() => { removeFolder(tree) })
  cpSync(join(root, 'dist/src'), join(tree, 'dist/src'), { recursive: true })
  for (const name of ['node_modules', 'build']) symlinkSync(join(root, name), join(tree, name))
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object
  writeFileSync(join(tree, 'package.json'), JSON.stringify({ ...manifest, version }))
  return tree
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
    const isOldReal = process.env['LONGHAUL_OLD_TREE'] !== undefined
    const oldTree = process.env['LONGHAUL_OLD_TREE'] ?? createTree(t, '0.0.9')
    const newTree = createTree(t, '99.0.0')
    const flow = await LoadedFlow.create(t, clusters, 'upgraded', { partitions })
    const first = await flow.start({}, oldTree)
    if (!isOldReal) assert.equal(await versionOf(first), '0.0.9')
    await flow.more(first)
    const upgraded = await flow.handOver(first, newTree)
    assert.equal(await versionOf(upgraded), '99.0.0')
    await flow.more(upgraded)
    const rolledBack = await flow.handOver(upgraded, oldTree)
    assert.notEqual(await versionOf(rolledBack), '99.0.0')
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
