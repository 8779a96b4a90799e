// What Longhaul and MirrorMaker 2 make of the same file and the same source: all that differs is a
// row of the table of differences on purpose. Needs Java.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { differences, type DifferenceName } from '../../src/orchestrator/config/differences.ts'
import {
  often, prepareSource, reportControlPlane, withAuthorizer, type ControlPlaneReport
} from './control-plane-report.ts'
import { MirrorMaker, ofMirrorMaker } from './mirror-maker-process.ts'
import { createPropertiesFile, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters } from './mirrored-clusters.ts'

/** What may differ: a row that no longer holds fails the test, too. */
const onPurpose: Readonly<Record<string, DifferenceName>> = {
  'topics of its own': 'own state',
  'settings at creation': 'bounds on timestamps',
  'settings after a change': 'bounds on timestamps',
  'setting of the target alone': 'settings of the target',
  'ACLs of all topics': 'ACLs of all topics',
  'offsets of the group': 'group offsets'
}

test('the control plane does what that of MirrorMaker 2 does, but for the table', async t => {
  const [theirs, ours] = [await reportOf(t, 'MirrorMaker 2'), await reportOf(t, 'Longhaul')]
  const differing = Object.keys(theirs).filter(name => !isSame(theirs[name], ours[name]))
  for (const name of differing) {
    const row = onPurpose[name]
    t.diagnostic(`${name}: ${text(theirs[name])} -> ${text(ours[name])}` +
      (row === undefined ? '' : ` (${differences[row].longhaul})`))
  }
  assert.deepEqual(differing.sort(), Object.keys(onPurpose).sort())
})

async function reportOf (
  t: TestContext, engine: 'MirrorMaker 2' | 'Longhaul'
): Promise<ControlPlaneReport> {
  const clusters = await startClusters({ config: withAuthorizer })
  t.after(async () => { await clusters.close() })
  await prepareSource(t, clusters)
  const file = createPropertiesFile(t,
    flowProperties(clusters, { ...ofMirrorMaker, ...often }))
  const mirror = engine === 'Longhaul'
    ? await startMirror(t, file)
    : await MirrorMaker.start(t, file)
  const report = await reportControlPlane(t, clusters)
  await mirror.stop()
  return report
}

function isSame (one: unknown, other: unknown): boolean { return text(one) === text(other) }

function text (value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'bigint' ? String(each) : each) ?? 'nothing'
}
