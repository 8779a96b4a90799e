// The programs and headers that compiling and testing need. Each need is tested (a file is
// compiled, a program is called), because package lists differ between distributions.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { compiles } from './compiles.mjs'
import { librdkafka } from './librdkafka.mjs'
import { findOnPath } from './npm.mjs'
import { nativeBuild } from './native-build.mjs'
import { nodePackages } from './node-packages.mjs'
import { runLogged, SetupError } from './step.mjs'

const javaMin = 17

/**
 * One row for each need. `apt` lists packages in order of preference; the first known one is used.
 */
export const needs = [
  {
    what: 'a C compiler',
    apt: ['build-essential'],
    dnf: 'gcc',
    test: () => compiles('c', 'stdio.h')
  },
  {
    what: 'a C++20 compiler',
    apt: ['build-essential'],
    dnf: 'gcc-c++',
    test: () => compiles('c++', 'span')
  },
  {
    what: 'make',
    apt: ['build-essential'],
    dnf: 'make',
    test: () => answers('make', ['--version'])
  },
  {
    what: 'Python 3.8 or later (for node-gyp)',
    apt: ['python3'],
    dnf: 'python3',
    test: () => answers('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))'])
  },
  {
    what: 'OpenSSL headers',
    apt: ['libssl-dev'],
    dnf: 'openssl-devel',
    test: () => compiles('c', 'openssl/ssl.h')
  },
  {
    what: 'zlib headers',
    apt: ['zlib1g-dev'],
    dnf: 'zlib-devel',
    test: () => compiles('c', 'zlib.h')
  },
  {
    what: 'libzstd headers',
    apt: ['libzstd-dev'],
    dnf: 'libzstd-devel',
    test: () => compiles('c', 'zstd.h')
  },
  {
    what: 'doctest (for the C++ tests)',
    apt: ['doctest-dev'],
    dnf: 'doctest-devel',
    isNeeded: ({ withDoctest, withSanitizers }) => withDoctest || withSanitizers,
    test: () => compiles('c++', 'doctest/doctest.h')
  },
  {
    what: `Java ${javaMin} or later (for the test clusters)`,
    apt: ['openjdk-21-jre-headless', 'openjdk-17-jre-headless', 'default-jre-headless'],
    dnf: 'java-21-openjdk-headless',
    isNeeded: ({ withJava }) => withJava,
    atRunTime: true,
    test: () => javaMajor(spawnSync('java', ['-version'], { encoding: 'utf8' }).stderr) >= javaMin
  },
  {
    what: 'Maven (fetches the test clusters)',
    apt: ['maven'],
    dnf: 'maven',
    isNeeded: ({ withJava }) => withJava,
    atRunTime: true,
    test: () => findOnPath('mvn') !== undefined
  }
]

export const systemPackages = {
  name: 'system packages',

  /** Compilers are needed only if something must be compiled. */
  whyStale (context) {
    const missing = missingNeeds(context)
    return missing.length === 0 ? undefined : `missing: ${namesOf(missing)}`
  },

  async run (context, logFile) {
    const missing = missingNeeds(context)
    const isRoot = process.getuid?.() === 0
    if (!isRoot || !existsSync('/etc/debian_version') || findOnPath('apt-get') === undefined) {
      throw new SetupError('system packages are missing and cannot be installed from here', {
        wayOut: installCommand(missing)
      })
    }
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const wayOut = `install them by hand: ${installCommand(missing)}`
    await runLogged('apt-get', ['update', '-q'], { logFile, env, wayOut })
    const packages = [...new Set(missing.map(({ apt }) => firstKnown(apt)))]
    process.stderr.write(` apt-get install ${packages.join(' ')} ...`)
    const args = ['install', '-y', '-q', '--no-install-recommends', ...packages]
    await runLogged('apt-get', args, { logFile, env, wayOut })
    const still = missingNeeds(context)
    if (still.length === 0) return
    throw new SetupError(`installed, but still missing: ${namesOf(still)}`, {
      logFile,
      wayOut: 'check whether another version is first on PATH (or in CC, CXX)'
    })
  }
}

const namesOf = (list) => list.map(({ what }) => what).join(', ')

function missingNeeds (context) {
  const compiling = [nodePackages, librdkafka, nativeBuild]
    .some((step) => step.whyStale(context) !== undefined)
  return needs.filter((need) => {
    if (need.isNeeded !== undefined && !need.isNeeded(context)) return false
    if (need.atRunTime !== true && !compiling) return false
    return !need.test()
  })
}

/** The exact command for the user to type. */
export function installCommand (missing, { dnf = findOnPath('dnf') !== undefined } = {}) {
  if (dnf) return `sudo dnf install -y ${[...new Set(missing.map((need) => need.dnf))].join(' ')}`
  const packages = [...new Set(missing.map(({ apt }) => firstKnown(apt)))]
  const names = packages.join(' ')
  return `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names}`
}

function firstKnown (candidates) {
  if (candidates.length === 1) return candidates[0]
  const known = (name) => spawnSync('apt-cache', ['show', '-q', name]).status === 0
  return candidates.find(known) ?? candidates.at(-1)
}

function answers (command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

/** 17 of `openjdk version "17.0.9"`; 8 of `java version "1.8.0_392"`; 0 of any other text. */
export function javaMajor (text) {
  const match = /version "(?:1\.)?(\d+)/.exec(text ?? '')
  return match === null ? 0 : Number(match[1])
}
