// The text that `longhaul acls` prints runs in a shell as it is, and a flow needs nothing beyond
// what these commands grant.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { produce } from '../kafka/kafka-producer.ts'
import { createTempFolder, removeFolder } from '../kafka/process-guard.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import {
  createPropertiesFile, runCommand, startMirror, type CleanUp
} from './mirror-process.ts'
import { flowProperties, login, startClusters } from './mirrored-clusters.ts'

test('a flow needs no permission beyond those of the printed commands', async t => {
  const clusters = await startClusters(
    { sasl: { users: { guest: 'guest-secret' }, superUsers: [] } })
  t.after(async () => { await clusters.close() })
  const { source, target } = clusters
  await source.createTopic('least')
  await produce(source.plainBootstrapServers, 'least', numbered(0, 20))
  const file = createPropertiesFile(t, flowProperties(clusters, {
    ...login('east', 'guest', 'guest-secret'),
    ...login('west', 'guest', 'guest-secret'),
    'east->west.topics': 'least',
    'groups': 'readers',
    'sync.group.offsets.enabled': true,
    'emit.heartbeats.enabled': true,
    'heartbeats.topic.replication.factor': 1
  }))
  const { exit, stderr, stdout } = await runCommand(['acls', file])
  assert.equal(exit.code, 0, stderr)
  const calls = callsOf(t, stdout)
  assert.ok(calls.length > 0)
  for (const [option, servers, ...words] of calls) {
    assert.equal(option, '--bootstrap-server')
    const cluster = [source, target].find(each => each.bootstrapServers === servers)
    assert.ok(cluster, servers)
    assert.deepEqual(words.splice(0, 3), ['--command-config', 'admin.properties', '--add'])
    // The tool itself, as it must accept the words.
    await cluster.runTool('org.apache.kafka.tools.AclCommand', ['--add', '--force', ...words])
  }
  const mirror = await startMirror(t, file)
  await untilRecords(mirror, target, 'east.least', 20)
  await mirror.untilReady()
  await source.admin.createPartitions('least', 2)
  await mirror.untilLogged('more partitions', ({ text }) => text === 'added partitions')
  await produce(source.plainBootstrapServers, 'least', numbered(0, 10, 1))
  await untilRecords(mirror, target, 'east.least', 30)
  assert.deepEqual(mirror.log.filter(({ level }) => level !== 'info'), [])
  assert.equal((await mirror.stop()).code, 0)
})

/** The arguments of each call of kafka-acls.sh when a shell runs the text. */
function callsOf (t: CleanUp, text: string): string[][] {
  const folder = createTempFolder('acls')
  t.after(async () => { removeFolder(folder) })
  const calls = join(folder, 'calls')
  writeFileSync(calls, '')
  writeFileSync(join(folder, 'kafka-acls.sh'),
    `#!/bin/sh\nprintf '%s\\n' "$@" '' >> '${calls}'\n`, { mode: 0o755 })
  execFileSync('/bin/sh', ['-e'], {
    cwd: folder, env: { PATH: `${folder}:/usr/bin:/bin` }, input: text
  })
  return readFileSync(calls, 'utf8').trimEnd().split('\n\n').map(call => call.split('\n'))
}
