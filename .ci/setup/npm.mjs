// Finds npm and its node-gyp, and the environment with which an npm script can call them.
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { SetupError } from './step.mjs'

/** A C++ file with sanitizers takes about this much memory to compile. */
const compilerBytes = 1024 ** 3

/** [command, arguments] that start npm: the npm that runs this script, or else the one on PATH. */
export function npmCommand () {
  const cli = findNpmCli()
  if (cli !== undefined) return [process.execPath, [cli]]
  throw new SetupError('npm was not found', {
    wayOut: 'install npm (it comes with Node), or call this by npm: npm run build'
  })
}

/** [command, arguments] that start the node-gyp that npm itself uses. */
export function nodeGypCommand () {
  const cli = findNpmCli()
  if (cli !== undefined) {
    try {
      return [process.execPath, [createRequire(cli).resolve('node-gyp/bin/node-gyp.js')]]
    } catch {
      // Distributions that package npm's parts separately have node-gyp on PATH.
    }
  }
  const onPath = findOnPath('node-gyp')
  if (onPath !== undefined) return [onPath, []]
  throw new SetupError('node-gyp was not found inside npm nor on PATH', {
    wayOut: 'npm install --global node-gyp   (Debian: apt-get install node-gyp)'
  })
}

function findNpmCli () {
  const prefix = resolve(process.execPath, '../..')
  const candidates = [
    process.env.npm_execpath,
    findOnPath('npm'),
    join(prefix, 'lib/node_modules/npm/bin/npm-cli.js')
  ]
  for (const candidate of candidates) {
    if (candidate === undefined || !existsSync(candidate)) continue
    const cli = realpathSync(candidate)
    if (cli.endsWith('npm-cli.js')) return cli
  }
  return undefined
}

export function findOnPath (name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder !== '' && existsSync(join(folder, name))) return join(folder, name)
  }
  return undefined
}

const alienNames = ['npm_command', 'npm_config_local_prefix', 'INIT_CWD', 'MAKEFLAGS', 'MAKELEVEL']

/**
 * The inner npm and node-gyp would read the variables that an outer `npm run` exports about its
 * script as their settings. The user's settings (npm_config_*) are kept.
 */
export function childEnvironment () {
  const env = { ...process.env, JOBS: process.env.JOBS ?? String(jobs()) }
  for (const name of Object.keys(env)) {
    if (/^npm_(lifecycle|package)_/.test(name)) delete env[name]
  }
  for (const name of alienNames) delete env[name]
  const nodeDir = localHeaders()
  // The node-gyp that compiles node-rdkafka reads it; saves a download.
  if (nodeDir !== undefined) env.npm_config_nodedir = nodeDir
  return env
}

/** The prefix of the running node, if it has the headers of exactly this version. */
export function localHeaders () {
  const prefix = resolve(dirname(process.execPath), '..')
  try {
    const header = readFileSync(join(prefix, 'include/node/node_version.h'), 'utf8')
    const number = (part) => new RegExp(`#define NODE_${part}_VERSION (\\d+)`).exec(header)?.[1]
    const version = ['MAJOR', 'MINOR', 'PATCH'].map(number).join('.')
    return version === process.versions.node ? prefix : undefined
  } catch {
    return undefined
  }
}

function jobs () {
  const memoryBytes = Math.min(os.totalmem(), process.constrainedMemory() || Infinity)
  const byMemory = Math.floor(memoryBytes / compilerBytes)
  return Math.max(1, Math.min(os.availableParallelism(), byMemory))
}
