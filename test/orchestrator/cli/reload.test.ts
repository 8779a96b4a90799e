// A file that is read again while the process runs: checked without a change, applied, refused.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ConfigFile } from '../../../src/orchestrator/cli/config-file.ts'
import { Reload } from '../../../src/orchestrator/cli/reload.ts'
import {
  compareConfigs, type ConfigChanges
} from '../../../src/orchestrator/config/config-changes.ts'
import type { Config } from '../../../src/orchestrator/config/config.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { twoClusters } from '../config/create-config.ts'
import { silentLog } from '../observability/silent-log.ts'
import { ManualClock } from '../time/manual-clock.ts'

/** Refuses what mirror.ts refuses, and counts what it applies. */
class FakeMirror {
  config: Config
  readonly applied: Config[] = []

  constructor (config: Config) { this.config = config }

  changesOf (config: Config): ConfigChanges {
    const changes = compareConfigs(this.config, config)
    if (changes.needRestart.length === 0) return changes
    throw new ReplicatorError('CONFIG_NEEDS_RESTART', changes.needRestart.join(', '))
  }

  async reload (config: Config): Promise<ConfigChanges> {
    const changes = this.changesOf(config)
    this.config = config
    this.applied.push(config)
    return changes
  }
}

function createReload (t: TestContext, lines: readonly string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'longhaul-reload-'))
  t.after(() => { rmSync(folder, { recursive: true }) })
  const path = join(folder, 'mm2.properties')
  const write = (more: readonly string[]): void => {
    writeFileSync(path, [...twoClusters, ...lines, ...more].join('\n'))
  }
  write([])
  const file = new ConfigFile(path, { X: [] }, { environment: {} })
  const reading = file.read()
  assert.ok(reading.parsed.ok)
  file.use(reading)
  const { config } = reading.parsed
  const mirror = new FakeMirror(config)
  const clock = new ManualClock()
  const reload = new Reload({
    file, config, mirror, setLogLevel: () => {}, log: silentLog, clock
  })
  return { clock, folder, mirror, reload, write }
}

test('a check names the changes, and applies none', t => {
  const { mirror, reload, write } = createReload(t)
  assert.deepEqual(reload.check(), [])
  write(['topics = orders', 'log.level = debug'])
  assert.deepEqual(reload.check(), ['log.level: info -> debug', 'A->B: topics: .* -> orders'])
  assert.deepEqual(mirror.applied, [])
})

test('a check names every reason of a refusal, with setting, value and what is allowed', t => {
  const { reload, write } = createReload(t)
  const refusals: ReadonlyArray<readonly [string[], RegExp]> = [
    [['replication.factor = three', 'topics = orders('],
      /replication\.factor=three.*orders\(.*CONFIG_INVALID/],
    [['A->B.enabled = false'], /no replication flow is enabled.*CONFIG_INVALID/],
    [['metrics.port = 1'], /metrics\.port\. Restart the process, or undo.*CONFIG_NEEDS_RESTART/]
  ]
  for (const [lines, expected] of refusals) {
    write(lines)
    assert.throws(() => reload.check(), expected)
  }
})

// The text of the file was kept as soon as it could be parsed: after a refused reload a replaced
// certificate was read together with the refused change, and was refused with it at each check.
test('a replaced certificate is adopted although the file itself was refused', async t => {
  const { clock, folder, mirror, reload, write } = createReload(t, ['config.providers = file',
    'config.providers.file.class = org.apache.kafka.common.config.provider.FileConfigProvider'])
  const secrets = join(folder, 'secrets.properties')
  const ofFile = `api.token = \${file:${secrets}:token}`
  writeFileSync(secrets, 'token = the-first-token-of-many\n')
  write([ofFile])
  reload.request()
  await clock.advance(0)
  assert.equal(mirror.applied.length, 1)
  write([ofFile, 'metrics.port = 1'])
  reload.request()
  await clock.advance(0)
  assert.equal(mirror.applied.length, 1, 'the port needs a restart')
  writeFileSync(secrets, 'token = the-second-token-of-many\n')
  reload.start()
  t.after(async () => { await reload.stop() })
  await clock.advance(mirror.config.process['file.check.interval.ms'])
  assert.equal(mirror.applied.at(-1)?.process['api.token'], 'the-second-token-of-many')
})
