// Certificates and stores for the listeners of a test's brokers and for their clients, in each form
// that a MirrorMaker 2 file names: PEM, PKCS#12, JKS. Made by openssl and, for JKS, keytool.
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createTempFolder, removeFolder } from './process-guard.ts'

const run = promisify(execFile)

/** The password of every store and every encrypted key here. */
export const storePassword = 'store-secret'

const subjectNames: Readonly<Record<string, string>> = {
  broker: 'DNS:localhost,IP:127.0.0.1,IP:::1',
  stranger: 'DNS:kafka.elsewhere.example',
  mirror: 'DNS:mirror'
}

export class Certificates {
  readonly folder = createTempFolder('certificates')

  /**
   * `broker` has the names of this machine, `stranger` those of another one, `mirror` is a
   * client's, `expired` a broker's that expired yesterday and is self-signed.
   */
  static async create (): Promise<Certificates> {
    const made = new Certificates()
    await made.#authority('ca')
    await made.#authority('other-ca')
    await Promise.all([
      ...Object.keys(subjectNames).map(async name => { await made.#issue(name) }),
      made.#expired()
    ])
    await Promise.all([made.#javaStores(), made.#encryptedKey()])
    return made
  }

  path (name: string): string { return join(this.folder, name) }

  /** The properties by which a broker finds its key and certificate. */
  keyStore (name: string): Readonly<Record<string, string>> {
    return {
      'ssl.keystore.type': 'PKCS12',
      'ssl.keystore.location': this.path(`${name}.p12`),
      'ssl.keystore.password': storePassword,
      'ssl.key.password': storePassword
    }
  }

  /** The properties by which a broker with mutual TLS accepts clients. */
  get clientAuthentication (): Readonly<Record<string, string>> {
    return {
      'ssl.client.auth': 'required',
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': this.path('ca.pem')
    }
  }

  /** Replaces the certificate of that name: a new key, the same authority. */
  async renew (name: string): Promise<void> { await this.#issue(name) }

  remove (): void { removeFolder(this.folder) }

  async #authority (name: string): Promise<void> {
    await this.#openssl(['req', '-x509', ...this.#newKey(name), '-subj', `/CN=${name}`,
      '-days', '30', '-addext', 'basicConstraints=critical,CA:TRUE', '-out', `${name}.pem`])
  }

  async #issue (name: string): Promise<void> {
    await this.#openssl(['req', ...this.#newKey(name), '-subj', `/CN=${name}`,
      '-out', `${name}.csr`])
    writeFileSync(this.path(`${name}.ext`), `subjectAltName=${subjectNames[name] ?? ''}\n`)
    await this.#openssl(['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key',
      '-CAcreateserial', '-CAserial', `${name}.serial`, '-days', '30',
      '-extfile', `${name}.ext`, '-out', `${name}.crt`])
    await this.#openssl(['pkcs12', '-export', '-inkey', `${name}.key`, '-in', `${name}.crt`,
      '-certfile', 'ca.pem', '-name', name, '-passout', `pass:${storePassword}`,
      '-out', `${name}.p12`])
    const parts = [`${name}.key`, `${name}.crt`, 'ca.pem'].map(part =>
      readFileSync(this.path(part), 'utf8'))
    writeFileSync(this.path(`${name}.pem`), parts.join(''))
  }

  /** openssl 3.0 cannot date a certificate back. */
  async #expired (): Promise<void> {
    const store = ['-keystore', 'expired.p12', '-storetype', 'PKCS12', '-alias', 'expired']
    await this.#keytool(['-genkeypair', ...store, '-keyalg', 'EC', '-dname', 'CN=expired',
      '-startdate', '-3d', '-validity', '2', '-ext', 'san=dns:localhost,ip:127.0.0.1'])
    await this.#keytool(['-exportcert', '-rfc', ...store, '-file', 'expired.pem'])
  }

  async #javaStores (): Promise<void> {
    const trust = async (type: string, file: string): Promise<void> => {
      await this.#keytool(['-importcert', '-alias', 'ca', '-file', 'ca.pem', '-keystore', file,
        '-storetype', type])
    }
    await Promise.all([
      trust('JKS', 'ca.jks'),
      trust('PKCS12', 'ca.p12'),
      this.#keytool(['-importkeystore', '-srckeystore', 'mirror.p12', '-srcstoretype', 'PKCS12',
        '-srcstorepass', storePassword, '-destkeystore', 'mirror.jks', '-deststoretype', 'JKS'],
      'dest')
    ])
  }

  /** `mirror-encrypted.pem`: the key with a password, and the certificates. */
  async #encryptedKey (): Promise<void> {
    await this.#openssl(['pkcs8', '-topk8', '-in', 'mirror.key', '-v2', 'aes256',
      '-passout', `pass:${storePassword}`, '-out', 'mirror-encrypted.key'])
    const parts = ['mirror-encrypted.key', 'mirror.crt', 'ca.pem'].map(part =>
      readFileSync(this.path(part), 'utf8'))
    writeFileSync(this.path('mirror-encrypted.pem'), parts.join(''))
  }

  #newKey (name: string): string[] {
    return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
      '-keyout', `${name}.key`]
  }

  async #openssl (args: readonly string[]): Promise<void> {
    await run('openssl', [...args], { cwd: this.folder })
  }

  async #keytool (args: readonly string[], side: '' | 'dest' = ''): Promise<void> {
    await run('keytool', [...args, '-noprompt', `-${side}storepass`, storePassword],
      { cwd: this.folder })
  }
}
