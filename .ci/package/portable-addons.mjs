// Both addons, linked with the portable librdkafka: Longhaul's, which any Node loads (Node-API),
// and node-rdkafka's, which has to be compiled for each major version of Node.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { childEnvironment, nodeGypCommand } from '../setup/npm.mjs'
import { hashFiles, listFiles, readStamp, removeStamp, writeStamp } from '../setup/stamp.mjs'
import { runLogged, SetupError } from '../setup/step.mjs'
import { nodePrefix } from './node-headers.mjs'
import { nativeTree } from './portable-librdkafka.mjs'

export const dataplaneOf = (context) => join(nativeTree(context), 'build/Release/dataplane.node')
const addonFolder = ({ folder }, major) => join(folder, `node-rdkafka-${major}`)
export const nodeRdkafkaOf = (context, major) =>
  join(addonFolder(context, major), 'build/Release/node-librdkafka.node')

/** The names that the loader of node-rdkafka, npm's `bindings`, looks for. */
export const abiFolder = (abi) => `node-v${abi}-linux-${process.arch}`

export const stampOfAddons = ({ folder }) => join(folder, 'addons-stamp')

function wanted ({ root, folder, nodeMajors }) {
  const sources = listFiles(root, ['src/dataplane', '.ci/package'], () => true)
  const stamp = readStamp(join(folder, 'native/.longhaul-stamp')) ?? ''
  return hashFiles(root, ['binding.gyp', ...sources], [stamp, ...nodeMajors.map(String)])
}

export const portableAddons = {
  name: 'portable addons',

  whyStale (context) {
    const files = [dataplaneOf(context),
      ...context.nodeMajors.map((major) => nodeRdkafkaOf(context, major))]
    if (files.some((file) => !existsSync(file))) return 'not compiled yet; 5 minutes'
    return readStamp(stampOfAddons(context)) === wanted(context) ? undefined : 'sources changed'
  },

  async run (context, logFile) {
    removeStamp(stampOfAddons(context))
    const oldest = Math.min(...context.nodeMajors)
    const gyp = gypRunner(context, logFile)
    await gyp(nativeTree(context), oldest, 'configure')
    await gyp(nativeTree(context), oldest, 'build', 'dataplane')
    for (const major of context.nodeMajors) {
      const cwd = addonFolder(context, major)
      rmSync(cwd, { recursive: true, force: true })
      mkdirSync(cwd, { recursive: true })
      symlinkSync(join(nativeTree(context), 'node_modules/node-rdkafka/src'), join(cwd, 'src'))
      writeFileSync(join(cwd, 'binding.gyp'), JSON.stringify(nodeRdkafkaGyp(context), null, 2))
      writeFileSync(join(cwd, 'package.json'), '{}')
      await gyp(cwd, major, 'rebuild')
    }
    writeStamp(stampOfAddons(context), wanted(context))
  }
}

function gypRunner (context, logFile) {
  const [command, args] = nodeGypCommand()
  return (cwd, major, ...words) => runLogged(command, [...args, ...words], {
    logFile,
    cwd,
    env: { ...childEnvironment(), npm_config_nodedir: nodePrefix(context, major) },
    wayOut: 'mend what the compiler names'
  })
}

/** The target of node-rdkafka's own binding.gyp, with archives in place of shared libraries. */
function nodeRdkafkaGyp (context) {
  const source = join(nativeTree(context), 'node_modules/node-rdkafka')
  const librdkafka = join(source, 'deps/librdkafka')
  const nan = dirname(createRequire(join(context.root, 'package.json')).resolve('nan/package.json'))
  return {
    targets: [{
      'target_name': 'node-librdkafka',
      // gyp's makefiles have no rule for sources outside of their folder: src is a link.
      'sources': listFiles(source, ['src'], (name) => name.endsWith('.cc')),
      'include_dirs': [nan, source, join(librdkafka, 'src'), join(librdkafka, 'src-cpp')],
      'cflags_cc': ['-std=c++20', '-fvisibility=hidden'],
      'cflags_cc!': ['-fno-rtti'],
      'libraries': [
        join(librdkafka, 'src-cpp/librdkafka++.a'), join(librdkafka, 'src/librdkafka.a'),
        `@${join(nativeTree(context), 'link-options')}`
      ]
    }]
  }
}

/** The oldest glibc that the addons run with, "2.34". */
export function neededGlibc (context) {
  const files = [dataplaneOf(context), nodeRdkafkaOf(context, context.nodeMajors[0])]
  const { stdout, status } = spawnSync('objdump', ['-T', ...files, ...sharedLibraries(context)],
    { encoding: 'utf8', maxBuffer: 2 ** 28 })
  const versions = [...(stdout ?? '').matchAll(/GLIBC_(\d+)\.(\d+)/g)]
    .map(([, major, minor]) => [Number(major), Number(minor)])
  if (status !== 0 || versions.length === 0) {
    throw new SetupError('objdump shows no version of glibc', { wayOut: 'install binutils' })
  }
  return versions.reduce((most, each) =>
    each[0] > most[0] || (each[0] === most[0] && each[1] > most[1]) ? each : most).join('.')
}

/** The paths of libzstd and libz with which the addon was linked. */
export function sharedLibraries (context) {
  const { stdout } = spawnSync('ldd', [dataplaneOf(context)], { encoding: 'utf8' })
  const paths = [...stdout.matchAll(/(?:libzstd|libz)\.so\S* => (\S+)/g)].map(([, path]) => path)
  if (paths.length === 2) return paths
  throw new SetupError(`ldd does not show libzstd and libz: ${paths.join(', ')}`, {
    wayOut: 'compare the link options in .ci/package/portable-librdkafka.mjs'
  })
}
