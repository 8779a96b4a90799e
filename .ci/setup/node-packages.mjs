// Installs node_modules from package-lock.json. No package's install script runs: node-rdkafka's is
// replaced by a step (librdkafka.mjs), and no other package needs one.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMendedOtherwise, keepingCompiled } from './librdkafka.mjs'
import { childEnvironment, npmCommand } from './npm.mjs'
import { hashFiles, readStamp, removeStamp, writeStamp } from './stamp.mjs'
import { runLogged } from './step.mjs'

const stampOf = (root) => join(root, 'node_modules/.longhaul-stamp')

export function wantedPackages (root) {
  return hashFiles(root, ['package-lock.json'], [process.platform, process.arch])
}

export const nodePackages = {
  name: 'npm packages',

  whyStale ({ root }) {
    if (!existsSync(join(root, 'node_modules'))) return 'first set-up'
    const stamp = readStamp(stampOf(root))
    if (stamp === undefined) return 'node_modules was not made by this set-up'
    if (stamp !== wantedPackages(root)) return 'package-lock.json changed'
    return isMendedOtherwise(root) ? 'the sources of node-rdkafka are not as unpacked' : undefined
  },

  async run (context, logFile) {
    const { root } = context
    const isForeign = readStamp(stampOf(root)) === undefined
    removeStamp(stampOf(root))
    // A tree from a manual `npm ci` is accepted, too.
    if (!(isForeign && matchesLock(root))) {
      await keepingCompiled(context, () => installAll(root, logFile))
    }
    writeStamp(stampOf(root), wantedPackages(root))
  }
}

function installAll (root, logFile) {
  const [command, args] = npmCommand()
  // The compilers' packages are development dependencies: NODE_ENV=production must not omit them.
  const install = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund']
  return runLogged(command, [...args, ...install], {
    logFile,
    cwd: root,
    env: childEnvironment(),
    wayOut: 'if the registry cannot be reached, set yours: npm config set registry URL; ' +
      'if the lockfile disagrees with package.json: npm install --package-lock-only'
  })
}

/** Whether an existing tree matches the lockfile. */
export function matchesLock (root) {
  const installed = readPackages(join(root, 'node_modules/.package-lock.json'))
  const locked = readPackages(join(root, 'package-lock.json'))
  return Object.entries(locked).every(([path, wanted]) => {
    if (path === '') return true
    const found = installed[path]
    if (found === undefined) return wanted.optional === true || wanted.peer === true
    return found.version === wanted.version && existsSync(join(root, path))
  })
}

function readPackages (lockFile) {
  return existsSync(lockFile) ? JSON.parse(readFileSync(lockFile, 'utf8')).packages ?? {} : {}
}
