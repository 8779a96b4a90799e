// The systemd unit in a Debian with systemd as its first process, installed by the commands of
// docs/operations.md from the tarball: it starts, reloads, hangs, fails, and stops between two
// clusters. In this machine no control group limits the memory (MemoryMax).
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { writeProperties, type Properties } from '../integration/mirror-process.ts'
import {
  flowProperties, startClusters, type MirroredClusters
} from '../integration/mirrored-clusters.ts'
import { eventually } from '../kafka/eventually.ts'
import { reservePorts } from '../kafka/ports.ts'
import { createTempFolder, removeFolder } from '../kafka/process-guard.ts'
import { linesOf, readPage } from '../orchestrator/cli/documented-lines.ts'
import { packageFile } from './package-file.ts'
import { noSystemd, startSystemd, type SystemdMachine } from './systemd-machine.ts'

const minutes = 60_000
const etcFile = '/etc/longhaul/longhaul.properties'
const file = 'connect-mirror-maker.properties'

/** The lines of the block that installs the unit. */
const documented = linesOf('docs/operations.md', readPage('docs/operations.md'))
  .filter(({ mark }) => mark !== undefined && 'runBy' in mark && mark.runBy.includes('service'))
  .map(({ words }) => words.join(' '))

describe('the systemd unit', { skip: noSystemd ?? false, timeout: 60 * minutes }, () => {
  const folder = createTempFolder('service')
  let clusters: MirroredClusters
  let port = 0
  before(async () => {
    const tarball = packageFile()
    copyFileSync(tarball, join(folder, basename(tarball)))
    clusters = await startClusters()
    port = (await reservePorts(1))[0] ?? 0
  })
  after(async () => {
    await clusters.close()
    removeFolder(folder)
  })

  const write = (more: Properties = {}): void => {
    writeProperties(join(folder, file), flowProperties(clusters,
      { 'topics': 'orders', 'metrics.port': port, ...more }))
  }

  test('is installed as documented, and systemd starts, reloads, restarts and stops it',
    async t => {
      write()
      const machine = await startSystemd(t, folder)
      // The unit expects a Node of the distribution.
      machine.run('ln', '-s', '/usr/local/bin/node', '/usr/bin/node')
      assert.ok(documented.length >= 8, documented.join('\n'))
      machine.run('sh', '-ec', ['cd /files', 'export npm_config_offline=true', ...documented]
        .join('\n'))

      const show = (name: string): string =>
        machine.run('systemctl', 'show', '--value', '--property', name, 'longhaul').trim()
      const until = async (name: string, wanted: string): Promise<void> => {
        await eventually(`${name}=${wanted}`, () => show(name) === wanted, { intervalMs: 250 })
          .catch((error: unknown) => {
            throw new Error(`${String(error)}: ${show(name)}\n` +
              machine.run('journalctl', '-u', 'longhaul', '--no-pager'))
          })
      }
      await until('ActiveState', 'active')
      await until('StatusText', 'records flow')
      const first = show('MainPID')
      checkConfinement(machine, first)
      assert.match(machine.run('systemctl', 'status', 'longhaul'), /Status: "records flow"/)

      const install = (): void => {
        machine.run('install', '-m', '0640', '-g', 'longhaul', `/files/${file}`, etcFile)
      }
      write({ topics: 'orders,clicks' })
      install()
      machine.run('systemctl', 'reload', 'longhaul')
      assert.match(machine.run('journalctl', '-u', 'longhaul', '--no-pager'), /topics/)
      assert.equal(show('MainPID'), first)

      machine.run('systemctl', 'kill', '--signal=KILL', 'longhaul')
      await until('NRestarts', '1')
      await until('StatusText', 'records flow')

      // A shorter watchdog, as `systemctl edit` sets it.
      const dropIn = '/etc/systemd/system/longhaul.service.d'
      machine.run('sh', '-ec', `mkdir -p ${dropIn}; cd ${dropIn}; ` +
        "printf '[Service]\\nWatchdogSec=4\\n' > override.conf; systemctl daemon-reload; " +
        'systemctl restart longhaul')
      await until('StatusText', 'records flow')
      const hung = show('MainPID')
      machine.run('systemctl', 'kill', '--kill-whom=main', '--signal=STOP', 'longhaul')
      await eventually('a restart by the watchdog', () =>
        !['0', hung].includes(show('MainPID')))
      assert.match(machine.run('journalctl', '-u', 'longhaul', '--no-pager'), /Watchdog timeout/)
      await until('StatusText', 'records flow')

      machine.run('systemctl', 'stop', 'longhaul')
      assert.equal(show('Result'), 'success')
      assert.equal(show('ExecMainStatus'), '0')

      // Exit code 2: no restart.
      write({ 'lanes': 'many' })
      install()
      assert.notEqual(machine.tryRun('systemctl', 'start', 'longhaul').status, 0)
      assert.equal(show('ActiveState'), 'failed')
      assert.equal(show('ExecMainStatus'), '2')
    })
})

function checkConfinement (machine: SystemdMachine, pid: string): void {
  const status = machine.run('cat', `/proc/${pid}/status`)
  const valueOf = (name: string): string | undefined =>
    new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1]
  assert.notEqual(valueOf('Uid'), '0')
  assert.deepEqual(['CapEff', 'CapBnd', 'NoNewPrivs', 'Seccomp'].map(valueOf),
    ['0000000000000000', '0000000000000000', '1', '2'])
  // The mounts of the unit: everything is read-only but its own /tmp.
  const mounts = machine.run('cat', `/proc/${pid}/mountinfo`)
  assert.match(mounts, / \/ \/ ro,/)
  assert.match(mounts, / \/tmp rw,/)
}
