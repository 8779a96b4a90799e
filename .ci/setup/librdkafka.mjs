// Compiles the node-rdkafka package with the librdkafka inside it: our addon links that archive.
// This does what the package's own install script does, on all cores instead of one.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { compiles } from './compiles.mjs'
import { mendSources } from './librdkafka-mends.mjs'
import { childEnvironment, nodeGypCommand } from './npm.mjs'
import { hashFiles, readStamp, removeStamp, writeStamp } from './stamp.mjs'
import { runLogged, SetupError } from './step.mjs'

const packageDir = 'node_modules/node-rdkafka'
const archive = `${packageDir}/deps/librdkafka/src/librdkafka.a`
/** Inside the package's folder, so that it goes when npm replaces the package. */
const stampOf = (root) => join(root, packageDir, '.longhaul-stamp')

/** node-rdkafka's addon is bound to the ABI of the Node it was compiled for. */
export function wantedLibrdkafka (root) {
  const platform = [process.versions.modules, process.platform, process.arch]
  const files = [`${packageDir}/package.json`, '.ci/setup/librdkafka-mends.mjs']
  // Only where it is so: elsewhere nothing is stale by it.
  const kerberos = hasSaslHeaders() ? ['kerberos'] : []
  return hashFiles(root, files.filter((file) => existsSync(join(root, file))),
    [...platform, ...kerberos])
}

/** librdkafka is compiled with Kerberos where it finds Cyrus SASL, which nothing else needs. */
const hasSaslHeaders = () => compiles('c', 'sasl/sasl.h')

function isCompiledWithKerberos (root) {
  const config = join(root, packageDir, 'deps/librdkafka/config.h')
  return existsSync(config) && readFileSync(config, 'utf8').includes('#define WITH_SASL_CYRUS 1')
}

export const librdkafka = {
  name: 'librdkafka',

  whyStale ({ root }) {
    const slow = '1 to 3 minutes'
    if (!existsSync(join(root, archive))) return `not compiled yet; ${slow}`
    const stamp = readStamp(stampOf(root))
    if (stamp === undefined) return 'not compiled by this set-up'
    if (stamp === wantedLibrdkafka(root)) return undefined
    if (hasSaslHeaders() !== isCompiledWithKerberos(root)) {
      return `the headers of Cyrus SASL (libsasl2-dev) came or went; ${slow}`
    }
    return `Node, node-rdkafka or what is mended in it changed; ${slow}`
  },

  async run ({ root }, logFile) {
    removeStamp(stampOf(root))
    const isMended = mendSources(root)
    if (isCompiledWithKerberos(root) !== hasSaslHeaders()) {
      // configure runs for want of this file only.
      rmSync(join(root, packageDir, 'deps/librdkafka/config.h'), { force: true })
      await compile(root, logFile)
    } else if (isMended || !isCompiled(root)) {
      await compile(root, logFile)
    }
    if (!isCompiled(root)) {
      throw new SetupError('node-rdkafka was compiled, but cannot be loaded', {
        logFile,
        wayOut: `look at the log; then: rm -rf ${packageDir} && npm ci`
      })
    }
    writeStamp(stampOf(root), wantedLibrdkafka(root))
  }
}

/**
 * `npm ci` empties node_modules; what took minutes to compile is carried over when the package
 * that npm brought is the same one.
 */
export async function keepingCompiled ({ root, logDir }, install) {
  const kept = join(logDir, 'node-rdkafka')
  const fresh = join(root, packageDir)
  const isFinished = readStamp(stampOf(root)) === wantedLibrdkafka(root)
  rmSync(kept, { recursive: true, force: true })
  if (!isFinished) return await install()
  renameSync(fresh, kept)
  await install()
  const manifest = (folder) => readFileSync(join(folder, 'package.json'), 'utf8')
  if (manifest(kept) === manifest(fresh)) {
    rmSync(fresh, { recursive: true })
    renameSync(kept, fresh)
  }
  rmSync(kept, { recursive: true, force: true })
}

async function compile (root, logFile) {
  const env = childEnvironment()
  const cwd = join(root, packageDir)
  const wayOut = 'the log says what is lacking; it needs OpenSSL, zlib and libzstd headers'
  const [command, args] = nodeGypCommand()
  const nodeGyp = (...more) => runLogged(command, [...args, ...more], { logFile, cwd, env, wayOut })
  // The package's makefiles only build in this order, and name config.h by two paths, so that a
  // parallel make finds no rule for it. Hence librdkafka by itself on all cores, the rest on one.
  await nodeGyp('clean', 'configure')
  await nodeGyp('build', 'deps/librdkafka/config.h', '--jobs=1')
  await runLogged('make', ['-C', 'deps/librdkafka', `-j${env.JOBS}`, 'libs'], {
    logFile, cwd, env, wayOut
  })
  await nodeGyp('build', '--jobs=1')
}

/** Both halves: the archive to link, and the addon, which is the last thing that is made. */
function isCompiled (root) {
  if (!existsSync(join(root, archive))) return false
  return spawnSync(process.execPath, ['-e', 'require("node-rdkafka")'], { cwd: root }).status === 0
}
