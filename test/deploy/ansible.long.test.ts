// The Ansible role, run against this machine into a temporary folder: installs a package, and
// changes nothing the second time. No systemd is asked: a program in its place notes what the role
// asks of it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync
} from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { delimiter, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { repoRoot } from '../kafka/repo-root.ts'
import { packageOfVersion } from './package-file.ts'
import { tryTool } from './tool.ts'

const root = repoRoot()
const howToInstall = 'apt-get install ansible-core'
const minutes = 60_000

/**
 * A program in the place of systemctl, as Ansible's module uses it: a service that is there once
 * its unit is, and remembers whether it is enabled and runs. `asked()` has the changes asked of it
 * since the former call.
 */
function createSystemctl (t: TestContext, folder: string): { readonly asked: () => string[] } {
  const [bin, calls] = [join(folder, 'bin'), join(folder, 'systemctl.calls')]
  mkdirSync(bin)
  writeFileSync(join(bin, 'systemctl'), `#!/bin/sh
cd '${folder}'
is () { [ -e "longhaul.$1" ]; }
case "$1" in
  show) [ -e units/longhaul.service ] && echo LoadState=loaded || echo LoadState=not-found
    is running && echo ActiveState=active || echo ActiveState=inactive;;
  is-enabled) is enabled;;
  *) echo "$*" >> systemctl.calls
    case "$1" in
      enable) touch longhaul.enabled;;
      start | restart) touch longhaul.running;;
    esac;;
esac
`, { mode: 0o755 })
  const path = process.env['PATH'] ?? ''
  t.after(() => { process.env['PATH'] = path })
  process.env['PATH'] = `${bin}${delimiter}${path}`
  return {
    asked: () => {
      const lines = readFileSync(calls, 'utf8').trim().split('\n')
      writeFileSync(calls, '')
      return lines
    }
  }
}

/** A folder in the place of the machine's. */
function createMachine (t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-ansible-'))
  t.after(() => { rmSync(folder, { recursive: true, force: true }) })
  for (const name of ['units', 'package']) mkdirSync(join(folder, name))
  const properties = join(folder, 'connect-mirror-maker.properties')
  const installed = join(folder, 'prefix/lib/node_modules/longhaul')
  const group = execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim()
  const variables = {
    longhaul_package: join(folder, 'longhaul.tgz'),
    longhaul_properties: properties,
    longhaul_node: process.execPath,
    longhaul_prefix: join(folder, 'prefix'),
    longhaul_config_folder: join(folder, 'etc'),
    longhaul_unit_folder: join(folder, 'units'),
    longhaul_user: userInfo().username,
    longhaul_group: group,
    longhaul_user_created: false,
    longhaul_service_managed: false
  }
  const playbook = join(folder, 'playbook.yml')
  writeFileSync(playbook, JSON.stringify([{
    hosts: 'all', gather_facts: false, roles: [join(root, 'deploy/ansible/longhaul')]
  }]))
  const play = (...args: readonly string[]) => {
    // Ansible refuses to run in a locale that is not UTF-8.
    process.env['LC_ALL'] = 'C.UTF-8'
    const result = tryTool(t, howToInstall, ['ansible-playbook', '--connection=local',
      '--inventory=localhost,', `--extra-vars=${JSON.stringify(variables)}`, playbook, ...args])
    if (result === undefined) return undefined
    const changed = Number(/\bchanged=(\d+)/.exec(result.output)?.[1])
    const failed = Number(/\bfailed=(\d+)/.exec(result.output)?.[1])
    return { ...result, changed, failed }
  }
  const unit = join(folder, 'units/longhaul.service')
  const written = join(folder, 'etc/longhaul.properties')
  return { folder, installed, play, properties, unit, written }
}

/** Puts the package, under this version, where the playbook expects it. */
function pack (folder: string, version: string): void {
  renameSync(packageOfVersion(join(folder, 'package'), version), join(folder, 'longhaul.tgz'))
}

const goodFile = ['clusters = A, B', 'A.bootstrap.servers = a:9092', 'B.bootstrap.servers = b:9092',
  'A->B.enabled = true', ''].join('\n')

describe('the Ansible role', { timeout: 30 * minutes }, () => {
  test('installs, changes nothing when nothing has changed, upgrades, and refuses a wrong file',
    t => {
      const { folder, installed, play, properties, unit, written } = createMachine(t)
      const versionOf = (): string =>
        (JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as
          { version: string }).version
      pack(folder, '1.0.0')
      writeFileSync(properties, goodFile)
      const tried = play('--check')
      if (tried === undefined) return
      assert.equal(tried.status, 0, tried.output)
      assert.ok(tried.changed > 0, tried.output)
      assert.ok(!existsSync(join(folder, 'prefix')), '--check changes nothing')

      const first = play()
      assert.equal(first?.status, 0, first?.output)
      assert.equal(versionOf(), '1.0.0')
      assert.equal(readFileSync(written, 'utf8'), goodFile)
      assert.match(readFileSync(unit, 'utf8'), new RegExp(`^ExecStart=${process.execPath} ` +
        `${installed}/dist/src/orchestrator/main.js run ${written}$`, 'm'))
      for (const args of [[], ['--check']]) {
        const again = play(...args)
        assert.equal(again?.changed, 0, again?.output)
        assert.equal(again?.status, 0, again?.output)
      }

      pack(folder, '1.1.0')
      const upgraded = play()
      assert.equal(upgraded?.status, 0, upgraded?.output)
      assert.equal(versionOf(), '1.1.0')

      writeFileSync(properties, goodFile.replace('enabled = true', 'enabled = true\nlanes = many'))
      const refused = play()
      assert.equal(refused?.failed, 1, refused?.output)
      assert.match(refused?.output ?? '', /lanes/)
      assert.equal(readFileSync(written, 'utf8'), goodFile, 'the old file stays')
    })

  test('restarts the service after a change, reloads it for another file, and else leaves it alone',
    t => {
      const { folder, play, properties } = createMachine(t)
      const { asked } = createSystemctl(t, folder)
      const managed = '--extra-vars={"longhaul_service_managed": true}'
      /** What was asked, without what each run asks. */
      const changesOf = (...args: readonly string[]): readonly string[] | undefined => {
        const result = play(managed, ...args)
        if (result === undefined) return undefined
        assert.equal(result.status, 0, result.output)
        const lines = asked()
        assert.equal(lines[0], 'daemon-reload', 'a new unit is read before it is used')
        const changes = lines.filter(line => line !== 'daemon-reload')
        assert.equal(changes.length === 0, result.changed === 0, result.output)
        return changes
      }
      pack(folder, '1.0.0')
      writeFileSync(properties, goodFile)
      const first = changesOf()
      if (first === undefined) return
      assert.deepEqual(first.slice(0, 2), ['enable longhaul', 'start longhaul'])
      assert.deepEqual(changesOf(), [])

      const otherNode = join(folder, 'bin/other-node')
      symlinkSync(process.execPath, otherNode)
      const otherUnit = `--extra-vars=longhaul_node=${otherNode}`
      assert.deepEqual(changesOf(otherUnit), ['restart longhaul'])
      assert.deepEqual(changesOf(otherUnit), [])

      writeFileSync(properties, `${goodFile}lanes = 2\n`)
      assert.deepEqual(changesOf(otherUnit), ['reload longhaul'])
      assert.deepEqual(changesOf(otherUnit), [])
    })

  test('writes the unit of the repository, with other values in three lines', t => {
    const { folder, play, properties, unit } = createMachine(t)
    pack(folder, '1.0.0')
    writeFileSync(properties, goodFile)
    const first = play()
    if (first === undefined) return
    assert.equal(first.status, 0, first.output)
    const other = (text: string): string => text.replace(/^(ExecStart|User|Group)=.*$/gm, '$1=')
    assert.equal(other(readFileSync(unit, 'utf8')).trim(),
      other(readFileSync(join(root, 'deploy/systemd/longhaul.service'), 'utf8')).trim())
  })

  test('says what is missing', t => {
    const { play } = createMachine(t)
    const result = play('--extra-vars=longhaul_properties=')
    if (result === undefined) return
    assert.match(result.output, /Set longhaul_package and longhaul_properties/)
  })
})
