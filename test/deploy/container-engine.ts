// podman, whose commands are those of Docker, with a store of its own. It starts containers for
// real: namespaces, control groups, a root file system that is read-only.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { repoRoot } from '../kafka/repo-root.ts'
import { debianWithNode, missingFor, nodeMajor } from './debian-tree.ts'

const folder = join(repoRoot(), '.cache/containers')
const options = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'),
  '--storage-driver', 'overlay', '--runtime', 'runc', '--cgroup-manager', 'cgroupfs']
/** Without the right to raise limits, as in a container, runc can only lower them. */
const limits = ['--ulimit', 'nofile=4096:4096', '--ulimit', 'nproc=4096:4096']
const authorities = '/etc/ssl/certs/ca-certificates.crt'

export interface EngineResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A reason to skip the tests of containers; undefined: none. */
export const noEngine = missingFor(['podman', 'runc', 'conmon', 'debootstrap'],
  'podman runc debootstrap')

/** The words of a `docker` command. Not blocking: this process relays what containers send. */
export async function engine (...words: readonly string[]): Promise<EngineResult> {
  mkdirSync(folder, { recursive: true })
  const [verb = '', ...rest] = words
  const limited = verb === 'run' || verb === 'build' ? limits : []
  // podman would ask systemd for a timer of each health check.
  const env = { ...process.env, DISABLE_HC_SYSTEMD: 'true' }
  const child = spawn('podman', [...options, verb, ...limited, ...rest],
    { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [status]] = await Promise.all(
    [text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number | null]>])
  return { status, stdout, stderr }
}

/** In the place of the image of a registry: a Debian with Node.js under its name. */
export async function ensureBaseImage (): Promise<void> {
  const name = `docker.io/library/node:${nodeMajor}-bookworm-slim`
  if ((await engine('image', 'exists', name)).status === 0) return
  const tree = debianWithNode()
  execFileSync('sh', ['-c', 'tar -C "$0" -c . | podman "$@"', tree, ...options, 'import', '--quiet',
    '--change', 'CMD ["node"]', '--change', `ENV NODE_EXTRA_CA_CERTS=${authorities}`, '-', name],
  { stdio: ['ignore', 'ignore', 'inherit'] })
}
