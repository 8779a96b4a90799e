// The image of the Dockerfile: built to its end, and run between two clusters by the commands of
// docs/operations.md. Its base is put together here, because a registry may be out of reach.
import assert from 'node:assert/strict'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { countRecords } from '../integration/comparison.ts'
import { numbered } from '../integration/failures/fault-probe.ts'
import { writeProperties, type Properties } from '../integration/mirror-process.ts'
import {
  flowProperties, startClusters, type MirroredClusters
} from '../integration/mirrored-clusters.ts'
import { eventually } from '../kafka/eventually.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { NamespaceLink } from '../kafka/netns.ts'
import { createTempFolder, removeFolder } from '../kafka/process-guard.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import { linesOf, readPage } from '../orchestrator/cli/documented-lines.ts'
import { parseExposition, seriesOf } from '../orchestrator/observability/exposition.ts'
import { engine, ensureBaseImage, noEngine, type EngineResult } from './container-engine.ts'

const minutes = 60_000
const image = 'longhaul'
const port = 9584
const program = '/opt/longhaul/dist/src/orchestrator/main.js'
const etcFile = '/etc/longhaul/longhaul.properties'
const memoryMebibytes = 400
/** Of the program, unpacked. */
const bytesMax = 120e6

const documented = linesOf('docs/operations.md', readPage('docs/operations.md'))
  .map(({ words }) => words).filter(([program]) => program === 'docker')

/** The words after `docker VERB` of the documented command. */
function documentedWords (verb: string): readonly string[] {
  const words = documented.find(([, each]) => each === verb)
  return words?.slice(2) ?? assert.fail(`docs/operations.md has no docker ${verb}`)
}

async function mustRun (...words: readonly string[]): Promise<EngineResult> {
  const result = await engine(...words)
  assert.equal(result.status, 0, `${words.join(' ')}\n${result.stdout}\n${result.stderr}`)
  return result
}

/** In a network namespace of its own, as a container has it. */
class Container {
  readonly name = `longhaul-test-${process.pid}`
  readonly #address: string

  private constructor (address: string) { this.#address = address }

  /** By the documented command, but for the volume, the port and the limits. */
  static async start (t: TestContext, folder: string, link: NamespaceLink): Promise<Container> {
    const container = new Container(link.farAddress)
    const { name } = container
    const values: Readonly<Record<string, readonly string[]>> = {
      '--name': ['--name', name],
      '--memory': ['--memory', `${memoryMebibytes}m`, '--cpus', '1.5'],
      '--volume': ['--volume', `${folder}:/etc/longhaul:ro`],
      '--publish': ['--network', `ns:${link.path}`]
    }
    const words = documentedWords('run')
    for (const option of Object.keys(values)) assert.ok(words.includes(option), option)
    t.after(async () => { await engine('rm', '--force', name) })
    await mustRun('run', ...words.flatMap((word, index) =>
      values[words[index - 1] ?? ''] === undefined ? values[word] ?? [word] : []))
    return container
  }

  async ask (path: string): Promise<{ readonly status: number, readonly text: string }> {
    const response = await fetch(`http://${this.#address}:${port}${path}`)
    return { status: response.status, text: await response.text() }
  }

  async until (what: string, probe: () => Promise<boolean> | boolean): Promise<void> {
    await eventually(what, probe, { intervalMs: 250 }).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${await this.log()}`)
    })
  }

  async untilReady (): Promise<void> {
    await this.until('readiness', async () =>
      await this.ask('/readyz').then(({ status }) => status === 200, () => false))
  }

  async log (): Promise<string> {
    const { stderr, stdout } = await engine('logs', this.name)
    return stdout + stderr
  }

  async inspect (format: string): Promise<string> {
    return (await mustRun('inspect', '--format', format, this.name)).stdout.trim()
  }
}

describe('the image', {
  skip: noEngine ?? false, timeout: 60 * minutes
}, () => {
  before(async () => {
    await ensureBaseImage()
    const words = documentedWords('build')
    await mustRun('build', '--format', 'docker', '--pull=never', '--network', 'host',
      ...words.map(word => /^(deploy\/.*|\.)$/.test(word) ? join(repoRoot(), word) : word))
  })

  test('is small, has no compiler, and runs as a user that is not root', async () => {
    const shell = async (script: string): Promise<string> => (await mustRun('run', '--rm',
      '--network', 'none', '--entrypoint', 'sh', image, '-c', script)).stdout
    const bytes = Number(await shell('du --summarize --bytes /opt/longhaul | cut -f 1'))
    assert.ok(bytes > 0 && bytes < bytesMax, String(bytes))
    const compilers = 'cc c++ gcc make python3'
    const found = await shell(`id -u; for each in ${compilers}; do command -v $each; done; ` +
      'find / -name "*.properties" -path "*longhaul*" -o -name dataplane_test 2> /dev/null; true')
    assert.equal(found, '1000\n')
  })

  test('carries out the commands that need no cluster', async () => {
    const run = async (...words: readonly string[]): Promise<string> =>
      (await mustRun('run', '--rm', '--network', 'none', image, ...words)).stdout
    assert.match(await run('--version'), /^\d+\.\d+\.\d+/)
    assert.match(await run('demo'), /OK: every record arrived/)
  })

  describe('between two clusters', () => {
    let clusters: MirroredClusters
    let link: NamespaceLink | string
    before(async () => {
      link = NamespaceLink.create()
      clusters = await startClusters(typeof link === 'string' ? {} : { over: link })
    })
    after(async () => {
      await clusters.close()
      if (typeof link !== 'string') await link.close()
    })

    /** Undefined: the machine permits no network namespace, and the test is skipped. */
    async function start (t: TestContext): Promise<{
      readonly container: Container, readonly rewrite: (more: Properties) => void
    } | undefined> {
      if (typeof link === 'string') {
        t.skip(link)
        return undefined
      }
      const folder = createTempFolder('image')
      t.after(() => { removeFolder(folder) })
      // For the user 1000.
      chmodSync(folder, 0o755)
      const { 'metrics.port': _, ...properties } = flowProperties(clusters, {
        'topics': 'orders',
        'west->east.enabled': true,
        'west->east.lanes': 4,
        'east.bootstrap.servers': clusters.source.proxiedBootstrapServers,
        'west.bootstrap.servers': clusters.target.proxiedBootstrapServers
      })
      const rewrite = (more: Properties): void => {
        writeProperties(join(folder, 'longhaul.properties'), { ...properties, ...more })
      }
      rewrite({})
      return { container: await Container.start(t, folder, link), rewrite }
    }

    test('mirrors within its limits, is healthy, reloads, and stops cleanly', async t => {
      const { source, target } = clusters
      await source.createTopic('orders')
      const started = await start(t)
      if (started === undefined) return
      const { container, rewrite } = started
      await container.untilReady()
      await produce(source.bootstrapServers, 'orders', numbered(0, 3))
      await container.until('the records', async () =>
        await countRecords(target, 'east.orders') === 3)

      await checkConfinement(container)
      // 1.5 CPUs have one lane by default. Each flow has half of the quarter of the memory.
      const each = memoryMebibytes / 4 / 2 / 4 * 2 ** 20
      await container.until('the limits of the lanes', async () => {
        const metrics = parseExposition((await container.ask('/metrics')).text)
        const limits = Object.entries(seriesOf(metrics, 'longhaul_in_flight_limit_bytes'))
        const of = (source: string): readonly number[] => limits.flatMap(([labels, bytes]) =>
          labels.includes(`source="${source}"`) ? [bytes] : [])
        return of('east').length === 1 && of('west').join() === [each, each, each, each].join()
      })
      assert.equal(await health(container), 0)
      const { stdout } = await mustRun('exec', container.name, 'node', program, 'status', etcFile)
      assert.match(stdout, /east->west/)

      rewrite({ 'log.level': 'debug' })
      await mustRun('kill', '--signal', 'HUP', container.name)
      await container.until('the reload', async () => /"changes":/.test(await container.log()))
      await mustRun('stop', container.name)
      assert.equal(await container.inspect('{{.State.ExitCode}} {{.State.Status}}'), '0 exited')
      const log = await container.log()
      assert.match(log, /"text":"stopped"/)
      assert.doesNotMatch(log, /"level":"error"/)
    })

    test('is not healthy while its process hangs', async t => {
      const started = await start(t)
      if (started === undefined) return
      const { container } = started
      await container.untilReady()
      const pid = Number(await container.inspect('{{.State.Pid}}'))
      process.kill(pid, 'SIGSTOP')
      assert.notEqual(await health(container), 0)
      process.kill(pid, 'SIGCONT')
      await container.untilReady()
      assert.equal(await health(container), 0)
      await mustRun('stop', container.name)
    })
  })
})

async function health ({ name }: Container): Promise<number | null> {
  return (await engine('healthcheck', 'run', name)).status
}

async function checkConfinement (container: Container): Promise<void> {
  const pid = await container.inspect('{{.State.Pid}}')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const valueOf = (name: string): string | undefined =>
    new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1]
  assert.deepEqual(['Uid', 'Gid', 'CapEff', 'CapBnd', 'NoNewPrivs', 'Seccomp'].map(valueOf),
    ['1000', '1000', '0000000000000000', '0000000000000000', '1', '2'])
  const { stderr, status: written } =
    await engine('exec', container.name, 'touch', '/opt/longhaul/x')
  assert.notEqual(written, 0)
  assert.match(stderr, /Read-only file system/)
}
