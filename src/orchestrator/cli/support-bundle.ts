// `longhaul support-bundle FILE --to out.tar.gz`: one archive with what a person who helps asks for
// first: properties, the results of validate and doctor, the state of each flow, what its
// processes answer, the end of a log, versions, limits. No secret is in it. What cannot be read is
// a text that says why.
import { closeSync, fstatSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { arch, cpus, release, totalmem, version as kernel } from 'node:os'
import { createTarGzip } from 'nanotar'
import { librdkafkaVersion } from '../cluster/native-version.ts'
import { ApiClient } from '../api/api-client.ts'
import { MemberSignatures } from '../api/member-signature.ts'
import type { Config } from '../config/config.ts'
import { decodeFile } from '../config/properties-text.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { withinMs } from '../time/deadline.ts'
import { version } from '../version.ts'
import { redactFile, secretsOf, withoutSecrets } from './bundle-redaction.ts'
import { ConfigFile } from './config-file.ts'
import type { ConfigOptions, InputOptions } from './configure.ts'
import { doctor } from './doctor.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import type { FlowState } from './flow-state.ts'
import { stateOnRecord } from './state-on-record.ts'
import type { Terminal } from './terminal.ts'
import { validate } from './validate.ts'

export interface BundleOptions extends InputOptions {
  readonly to: string
  /** A log file, of which the end is included. */
  readonly log?: string
  /** False: without the result of doctor, which measures both clusters for some seconds. */
  readonly doctor: boolean
}

interface Part {
  readonly name: string
  readonly text: string
}

const logBytesMax = 2 * 1024 * 1024
const processesMax = 16
const answerMs = 5_000
/** Of doctor, with both clusters; what it has measured by then is lost. */
const doctorMs = 90_000
/** Where Linux says what a process may use, and how the network is set. */
const limitFiles = [
  '/proc/self/limits', '/proc/meminfo', '/proc/loadavg', '/sys/fs/cgroup/memory.max',
  '/sys/fs/cgroup/cpu.max', '/proc/sys/net/core/rmem_max', '/proc/sys/net/core/wmem_max',
  '/proc/sys/net/ipv4/tcp_rmem', '/proc/sys/net/ipv4/tcp_wmem',
  '/proc/sys/net/ipv4/tcp_congestion_control', '/proc/sys/fs/file-nr'
]

export async function supportBundle (
  file: string, options: BundleOptions, terminal: Terminal
): Promise<ExitCode> {
  const { stderr, stdout } = terminal
  let content: string
  try {
    content = decodeFile(readFileSync(file))
  } catch (thrown) {
    stderr.write(`error: ${file} cannot be read: ${reasonOf(thrown)}\n`)
    return exitCodes.usage
  }
  const properties = redactFile(content, options.X)
  const { parsed } = new ConfigFile(file, options, terminal).read()
  const config = parsed.ok ? parsed.config : undefined
  const secrets = [...properties.secrets, ...config === undefined ? [] : secretsOf(config)]
  const states = config === undefined ? [] : await Promise.all(config.flows.map(
    async flow => await stateOnRecord(flow, config, terminal)))
  const parts: readonly Part[] = [
    { name: 'properties.txt', text: properties.text },
    { name: 'versions.txt', text: versionsText() },
    { name: 'validate.txt', text: await resultOf(validate, file, options, terminal) },
    ...options.doctor && config !== undefined
      ? [{ name: 'doctor.txt', text: await doctorText(file, options, terminal) }]
      : [],
    { name: 'flows.json', text: `${JSON.stringify(states, undefined, 1)}\n` },
    ...config === undefined ? [] : await processParts(states, config, terminal),
    ...options.log === undefined ? [] : [{ name: 'log.txt', text: endOf(options.log) }],
    { name: 'limits.txt', text: limitFiles.map(path => `${path}\n${readable(path)}`).join('\n') }
  ]
  const archive = await createTarGzip(parts.map(({ name, text }) => ({
    name: `longhaul-support/${name}`,
    data: new TextEncoder().encode(withoutSecrets(text, secrets)),
    attrs: { mode: '600', mtime: terminal.clock.now() }
  })))
  try {
    writeFileSync(options.to, archive, { mode: 0o600, flag: 'wx' })
  } catch (thrown) {
    stderr.write(`error: --to=${options.to}: ${reasonOf(thrown)}\n`)
    return exitCodes.failed
  }
  stdout.write(`${options.to}: ${parts.map(({ name }) => name).join(', ')}\n` +
    'Passwords, tokens and keys of the file are removed. Names of topics, groups and hosts are ' +
    'in it: look through it before you pass it on.\n')
  return exitCodes.ok
}

function versionsText (): string {
  return [
    `longhaul ${version}`, `librdkafka ${librdkafkaVersion}`, `node ${process.version}`,
    `openssl ${process.versions.openssl}`, `linux ${release()} ${arch()} ${kernel()}`,
    `cpus ${cpus().length}`, `memory ${totalmem()} bytes`, readable('/etc/os-release')
  ].join('\n')
}

/** What a command writes, and its exit code. */
async function resultOf (
  command: (file: string, options: ConfigOptions, terminal: Terminal) => Promise<ExitCode>,
  file: string, options: InputOptions, terminal: Terminal
): Promise<string> {
  let text = ''
  const stream = { write: (written: string) => { text += written } }
  const exitCode = await command(file, { ...options, output: 'table' },
    { ...terminal, stdout: stream, stderr: stream })
  return `${text}exit code ${exitCode}\n`
}

async function doctorText (
  file: string, options: InputOptions, terminal: Terminal
): Promise<string> {
  const ended = AbortSignal.timeout(doctorMs)
  const stopped = AbortSignal.any([terminal.stopped, ended])
  const result = await resultOf(doctor, file, options, { ...terminal, stopped })
    .catch((thrown: unknown) => `${reasonOf(thrown)}\n`)
  return ended.aborted ? `${result}doctor was stopped after ${doctorMs / 1000} s\n` : result
}

/** What the processes answer that have announced an address. */
async function processParts (
  states: readonly FlowState[], config: Config, { clock, stopped }: Terminal
): Promise<readonly Part[]> {
  const signatures = new MemberSignatures()
  const members = new Map(states.flatMap(({ members: each }) => each)
    .flatMap(({ address, name }) => address === '' ? [] : [[address, name]]))
  const parts = await Promise.all([...members].slice(0, processesMax).map(
    async ([address, name]) => {
      const folder = `processes/${name.replace(/[^\w.-]/g, '_').slice(0, 60)}`
      const token = config.process['api.token']
      // The address is read from the progress topic, so it must not receive the token.
      const authorize = (path: string): string => token === ''
        ? ''
        : signatures.sign(token, { address, path }, clock.now())
      const flows = async (): Promise<string> => JSON.stringify(
        await new ApiClient({ url: address, token: '', signal: stopped, authorize }).get('/flows'),
        undefined, 1)
      return [
        ...await Promise.all(['metrics', 'readyz', 'version'].map(async path => ({
          name: `${folder}/${path}.txt`, text: await answerOf(`${address}/${path}`, stopped)
        }))),
        {
          name: `${folder}/flows.json`,
          text: await flows()
            .catch((thrown: unknown) => `${ReplicatorError.from(thrown).message}\n`)
        }
      ]
    }))
  return parts.flat()
}

async function answerOf (url: string, stopped: AbortSignal): Promise<string> {
  try {
    return await withinMs(answerMs, stopped, async signal =>
      await (await fetch(url, { redirect: 'error', signal })).text())
  } catch (thrown) {
    return `${url} does not answer: ${reasonOf(thrown)}\n`
  }
}

/** Whole lines. */
function endOf (path: string): string {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const { size } = fstatSync(file)
    const length = Math.min(size, logBytesMax)
    const bytes = Buffer.alloc(length)
    const count = readSync(file, bytes, 0, length, size - length)
    const text = bytes.toString('utf8', 0, count)
    return length < size ? text.slice(text.indexOf('\n') + 1) : text
  } catch (thrown) {
    return `${path} cannot be read: ${reasonOf(thrown)}\n`
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function readable (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (thrown) {
    return `${reasonOf(thrown)}\n`
  }
}

function reasonOf (thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
