// The systemd unit agrees with the settings and exit codes of the program, and systemd-analyze
// accepts it. service.long.test.ts runs it.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { exitCodes } from '../../src/orchestrator/cli/exit-codes.ts'
import { processTable } from '../../src/orchestrator/config/process-table.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import { tryTool } from './tool.ts'

const root = repoRoot()
const file = join(root, 'deploy/systemd/longhaul.service')
const unit = readFileSync(file, 'utf8')
const exposureMax = 2

/** Each alone changes the exposure by less than the room below its limit. */
const confinement: Readonly<Record<string, string>> = {
  User: 'longhaul', // not root
  NoNewPrivileges: 'yes', // no setuid program that the process starts has more rights
  CapabilityBoundingSet: '',
  AmbientCapabilities: '',
  RestrictSUIDSGID: 'yes',
  RestrictNamespaces: 'yes',
  ProtectSystem: 'strict', // the process writes no files outside /tmp
  ProtectHome: 'yes',
  PrivateTmp: 'yes',
  PrivateDevices: 'yes',
  PrivateUsers: 'yes',
  ProtectProc: 'invisible', // the command lines of other users' processes
  ProcSubset: 'pid',
  ProtectControlGroups: 'yes',
  ProtectKernelLogs: 'yes',
  ProtectKernelModules: 'yes',
  ProtectKernelTunables: 'yes',
  RestrictAddressFamilies: 'AF_INET AF_INET6 AF_UNIX AF_NETLINK',
  SystemCallArchitectures: 'native',
  UMask: '0077'
}

function valueOf (name: string): string {
  const values = [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value)
  assert.equal(values.length, 1, `${name} is set ${values.length} times`)
  return values[0] ?? ''
}

describe('the systemd unit', () => {
  test('waits longer for a stop than a drain and closing need', () => {
    const drainSeconds = processTable['drain.timeout.ms'].default / 1000
    assert.ok(Number(valueOf('TimeoutStopSec')) > drainSeconds + 2, valueOf('TimeoutStopSec'))
    assert.equal(valueOf('KillSignal'), 'SIGTERM')
  })

  test('waits for the messages of the process: that it is ready, and that it is alive', () => {
    assert.equal(valueOf('Type'), 'notify')
    assert.equal(valueOf('NotifyAccess'), 'main')
    assert.ok(Number(valueOf('WatchdogSec')) >= 30, valueOf('WatchdogSec'))
  })

  test('restarts after a failure, but not with a file that is wrong', () => {
    assert.equal(valueOf('Restart'), 'on-failure')
    assert.equal(valueOf('RestartPreventExitStatus'), String(exitCodes.usage))
  })

  test('reloads by SIGHUP, and starts the program that package.json names', () => {
    // Regression: a small Debian has no /bin/kill, and each reload failed with 203/EXEC.
    assert.equal(valueOf('ExecReload'), "/bin/sh -c 'kill -HUP $MAINPID'")
    const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as
      { bin: { longhaul: string } }
    assert.ok(valueOf('ExecStart').includes(`/${bin.longhaul} run /`), valueOf('ExecStart'))
  })

  test('lets V8 compile, and has the memory limit of the alert rules', () => {
    assert.doesNotMatch(unit, /^MemoryDenyWriteExecute=/m)
    const rules = readFileSync(join(root, 'deploy/prometheus/longhaul.rules.yml'), 'utf8')
    const [, gigabytes] = /^(\d+)G$/.exec(valueOf('MemoryMax')) ?? []
    assert.ok(rules.includes(`vector(${Number(gigabytes) * 2 ** 30})`), valueOf('MemoryMax'))
  })

  for (const [name, value] of Object.entries(confinement)) {
    test(`confines the process by ${name}=${value}`, () => {
      assert.equal(valueOf(name), value)
    })
  }

  test('allows the system calls of services and of V8, without the privileged ones', () => {
    const filters = [...unit.matchAll(/^SystemCallFilter=(.*)$/gm)].map(([, filter]) => filter)
    assert.deepEqual(filters, ['@system-service @pkey', '~@privileged'])
  })

  test('is accepted by systemd-analyze', t => {
    const folder = mkdtempSync(join(tmpdir(), 'longhaul-unit-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    // The program must exist: where node is installed differs between machines.
    const copy = join(folder, 'longhaul.service')
    writeFileSync(copy, unit.replaceAll('/usr/bin/node', process.execPath))
    const result = tryTool(t, 'apt-get install systemd', ['systemd-analyze', 'verify', copy])
    if (result === undefined) return
    assert.equal(result.status, 0, result.output)
    assert.doesNotMatch(result.output, /longhaul\.service/, 'no line is ignored or unknown')
  })

  test(`has an exposure of at most ${exposureMax}`, t => {
    const result = tryTool(t, 'apt-get install systemd', ['systemd-analyze', 'security',
      '--offline=true', `--threshold=${exposureMax * 10}`, '--no-pager', file])
    if (result === undefined) return
    const [, exposure] = /Overall exposure level for longhaul\.service: ([\d.]+)/
      .exec(result.output) ?? []
    assert.ok(Number(exposure) <= exposureMax, result.output)
    assert.equal(result.status, 0, result.output)
  })
})
