// A Kerberos realm for a test: a key distribution center of MIT Kerberos on a port of 127.0.0.1,
// with database, key tabs and ticket cache in one folder. Uses no files of the machine.
import { execFile, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from './eventually.ts'
import { accepts, releasePorts, reservePorts } from './ports.ts'
import {
  createTempFolder, hasExited, killChild, removeFolder, spawnGuarded
} from './process-guard.ts'

const run = promisify(execFile)
const realm = 'LONGHAUL.TEST'
const programs = ['/usr/sbin/krb5kdc', '/usr/sbin/kdb5_util', '/usr/sbin/kadmin.local',
  '/usr/bin/kinit']

/** The missing Debian packages, or undefined: a realm can be started. */
export function missingForRealm (): string | undefined {
  const missing = programs.filter(path => !existsSync(path))
  return missing.length === 0
    ? undefined
    : `no ${missing.join(', ')}: apt-get install krb5-kdc krb5-admin-server krb5-user ` +
      'libsasl2-modules-gssapi-mit'
}

export class Realm {
  readonly #folder: string
  readonly #port: number
  #kdc: ChildProcess | undefined

  private constructor (folder: string, port: number) {
    this.#folder = folder
    this.#port = port
  }

  /** With a key tab `NAME.keytab` for each principal: its name up to the first slash. */
  static async start (principals: readonly string[]): Promise<Realm> {
    const [port = 0] = await reservePorts(1)
    const realm = new Realm(createTempFolder('kerberos'), port)
    try {
      await realm.#create(principals)
      await realm.#serve()
    } catch (thrown) {
      await realm.close()
      throw thrown
    }
    return realm
  }

  /** The environment of a process that keeps its tickets in a cache of that name. */
  environment (cache: string, ticketSeconds?: number): Readonly<Record<string, string>> {
    return {
      KRB5_CONFIG: this.#configOf(cache, ticketSeconds),
      KRB5_KDC_PROFILE: join(this.#folder, 'kdc.conf'),
      KRB5CCNAME: `FILE:${join(this.#folder, `${cache}.tickets`)}`
    }
  }

  get configPath (): string { return join(this.#folder, 'krb5.conf') }

  principal (name: string): string { return `${name}@${realm}` }

  keyTab (name: string): string { return join(this.#folder, `${name}.keytab`) }

  async close (): Promise<void> {
    if (this.#kdc !== undefined && !hasExited(this.#kdc)) await killChild(this.#kdc)
    removeFolder(this.#folder)
    releasePorts([this.#port])
  }

  #configOf (cache: string, ticketSeconds: number | undefined): string {
    if (ticketSeconds === undefined) return this.configPath
    const path = join(this.#folder, `${cache}.conf`)
    writeFileSync(path, readFileSync(this.configPath, 'utf8')
      .replace('[libdefaults]', `[libdefaults]\nticket_lifetime = ${ticketSeconds}s`))
    return path
  }

  async #create (principals: readonly string[]): Promise<void> {
    const address = `127.0.0.1:${this.#port}`
    writeFileSync(this.configPath, [
      '[libdefaults]', `default_realm = ${realm}`, 'dns_lookup_kdc = false', 'rdns = false',
      'dns_lookup_realm = false', 'dns_canonicalize_hostname = false',
      // Only TCP: brokers and clients then need no UDP port.
      'udp_preference_limit = 1',
      '[realms]', `${realm} = {`, `kdc = ${address}`, '}', ''
    ].join('\n'))
    writeFileSync(join(this.#folder, 'kdc.conf'), [
      '[realms]', `${realm} = {`, `database_name = ${join(this.#folder, 'principals')}`,
      `key_stash_file = ${join(this.#folder, 'stash')}`, `kdc_listen = ${address}`,
      `kdc_tcp_listen = ${address}`, '}', ''
    ].join('\n'))
    await this.#run('kdb5_util', ['create', '-s', '-r', realm, '-P', 'of-a-test'])
    for (const principal of principals) {
      const [name = ''] = principal.split('/')
      await this.#run('kadmin.local', ['-q', `addprinc -randkey ${principal}`])
      await this.#run('kadmin.local', ['-q', `ktadd -k ${this.keyTab(name)} ${principal}`])
    }
  }

  async #run (program: string, args: readonly string[]): Promise<void> {
    await run(`/usr/sbin/${program}`, [...args],
      { env: { ...process.env, ...this.environment('kdc') } })
  }

  async #serve (): Promise<void> {
    const logPath = join(this.#folder, 'kdc.log')
    const output = openSync(logPath, 'a')
    const kdc = spawnGuarded('/usr/sbin/krb5kdc', ['-n'], {
      stdio: ['ignore', output, output], env: { ...process.env, ...this.environment('kdc') }
    })
    closeSync(output)
    kdc.unref()
    this.#kdc = kdc
    await eventually('start of the key distribution center', async () => {
      if (hasExited(kdc)) throw new Error(readFileSync(logPath, 'utf8'))
      return await accepts(this.#port)
    })
  }
}
