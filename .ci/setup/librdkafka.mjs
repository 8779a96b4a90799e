// Compiles the node-rdkafka package and its librdkafka, whose archive our addon links. Does the
// same as the package's install script, but on all cores.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { compiles } from './compiles.mjs'
import { mendFiles, mendSources } from './librdkafka-mends.mjs'
import { childEnvironment, nodeGypCommand } from './npm.mjs'
import { hashFiles, readStamp, removeStamp, writeStamp } from './stamp.mjs'
import { runLogged, SetupError } from './step.mjs'

const packageDir = 'node_modules/node-rdkafka'
const archive = `${packageDir}/deps/librdkafka/src/librdkafka.a`
/** Inside the package's folder, so that npm removes it when it replaces the package. */
const stampOf = (root) => join(root, packageDir, '.longhaul-stamp')

/** node-rdkafka's addon depends on the ABI of the Node with which it was compiled. */
export function wantedLibrdkafka (root) {
  const platform = [process.versions.modules, process.platform, process.arch]
  const files = [`${packageDir}/package.json`, ...mendFiles]
  // Only on systems with this dependency: elsewhere it makes nothing stale.
  const kerberos = hasSaslHeaders() ? ['kerberos'] : []
  return hashFiles(root, files.filter((file) => existsSync(join(root, file))),
    [...platform, ...kerberos])
}

/** Mends match the sources of the package only, not sources with the mends of another revision. */
export function isMendedOtherwise (root) {
  const stamp = readStamp(stampOf(root))
  return stamp !== undefined && stamp !== wantedLibrdkafka(root)
}

/** librdkafka is compiled with Kerberos if it finds Cyrus SASL, which only Kerberos needs. */
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
      // configure runs only if this file is missing.
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
 * `npm ci` empties node_modules; the compiled files, which took minutes, are kept if npm installed
 * the same package again.
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
  // The package's makefiles build only in this order, and name config.h by two paths, so that a
  // parallel make finds no rule for it. So librdkafka is built alone on all cores, the rest on one
  // core.
  await nodeGyp('clean', 'configure')
  await nodeGyp('build', 'deps/librdkafka/config.h', '--jobs=1')
  await runLogged('make', ['-C', 'deps/librdkafka', `-j${env.JOBS}`, 'libs'], {
    logFile, cwd, env, wayOut
  })
  await nodeGyp('build', '--jobs=1')
}

/** The archive to link, and the addon, which is built last. */
function isCompiled (root) {
  if (!existsSync(join(root, archive))) return false
  return spawnSync(process.execPath, ['-e', 'require("node-rdkafka")'], { cwd: root }).status === 0
}
