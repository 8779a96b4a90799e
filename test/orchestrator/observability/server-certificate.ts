// A certificate for a server on 127.0.0.1, signed by itself, in files.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ServerTls } from '../../../src/orchestrator/config/config.ts'
import type { CleanUp } from '../../kafka/failed-test.ts'
import { createTempFolder, removeFolder } from '../../kafka/process-guard.ts'

export interface ServerCertificate extends ServerTls {
  readonly certificateFile: string
  readonly keyFile: string
}

/** `name`: the common name. */
export function createCertificate (t: CleanUp, name: string): ServerCertificate {
  const folder = createTempFolder('certificate')
  t.after(async () => { removeFolder(folder) })
  const [certificateFile, keyFile] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', `/CN=${name}`,
    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyFile, '-out', certificateFile],
  { stdio: 'ignore' })
  const [certificate, key] = [readFileSync(certificateFile), readFileSync(keyFile)]
  return { certificate, key, certificateFile, keyFile }
}
