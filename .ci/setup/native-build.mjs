// Builds build/Release from binding.gyp with the node-gyp of npm. The demo needs only the addon,
// the fast tests one C++ test; the sanitizer builds take longest and need --with-sanitizers.
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { childEnvironment, localHeaders, nodeGypCommand } from './npm.mjs'
import { wantedLibrdkafka } from './librdkafka.mjs'
import { hashFiles, listFiles, readStamp, removeStamp, writeStamp } from './stamp.mjs'
import { runLogged, SetupError } from './step.mjs'

/**
 * One row for each profile, from the smallest to the largest: gyp targets (none: all targets),
 * sources and outputs.
 */
export const profiles = {
  run: {
    targets: ['dataplane', 'native_bench'],
    folders: ['src/dataplane', 'native-bench'],
    outputs: ['dataplane.node', 'native_bench']
  },
  fast: {
    targets: ['dataplane', 'native_bench', 'dataplane_test'],
    folders: ['src/dataplane', 'native-bench', 'test/dataplane'],
    outputs: ['dataplane.node', 'native_bench', 'dataplane_test']
  },
  test: {
    targets: [],
    folders: ['src/dataplane', 'native-bench', 'test/dataplane'],
    outputs: [
      'dataplane.node', 'native_bench',
      'dataplane_test', 'dataplane_test_asan', 'dataplane_test_tsan'
    ]
  }
}

const isNativeSource = (name) => /\.(h|hpp|c|cc|gypi|map|lds)$/.test(name)
const profileOf = ({ withDoctest, withSanitizers }) =>
  withSanitizers ? 'test' : withDoctest ? 'fast' : 'run'
const stampOf = (root, profile) => join(root, 'build', `.longhaul-${profile}-stamp`)

function wantedBuild (root, { folders }) {
  const files = ['binding.gyp', ...listFiles(root, folders, isNativeSource)]
  // The last one: builds before it may have kept objects of another librdkafka.
  return hashFiles(root, files, [process.version, wantedLibrdkafka(root), 'removeStaleObjects'])
}

/**
 * Removes what was compiled with other headers of librdkafka. They are system headers, which make
 * does not compare: an object with another layout of librdkafka's structures would stay, and no
 * lane could adopt a connection.
 */
export function removeStaleObjects (root) {
  const stamp = join(root, 'build/.longhaul-librdkafka-stamp')
  const wanted = wantedLibrdkafka(root)
  if (readStamp(stamp) === wanted) return
  rmSync(join(root, 'build/Release/obj.target'), { recursive: true, force: true })
  mkdirSync(join(root, 'build'), { recursive: true })
  writeStamp(stamp, wanted)
}

export const nativeBuild = {
  name: 'native build',

  whyStale (context) {
    const { root } = context
    const name = profileOf(context)
    const profile = profiles[name]
    const stamp = readStamp(stampOf(root, name))
    const absent = profile.outputs.filter((file) => !existsSync(join(root, 'build/Release', file)))
    if (absent.length > 0) return `not built yet: ${absent.join(', ')}`
    return stamp === wantedBuild(root, profile) ? undefined : 'C++ sources changed'
  },

  async run (context, logFile) {
    const { root } = context
    const name = profileOf(context)
    const profile = profiles[name]
    const wanted = wantedBuild(root, profile)
    removeStamp(stampOf(root, name))
    removeStaleObjects(root)
    const [command, args] = nodeGypCommand()
    const nodeDir = localHeaders()
    const options = nodeDir === undefined ? [] : [`--nodedir=${nodeDir}`]
    const settings = { logFile, cwd: root, env: childEnvironment() }
    await runLogged(command, [...args, 'configure', ...options], {
      ...settings,
      wayOut: nodeDir === undefined
        ? 'node-gyp downloads the headers that are not beside node: is the network there? ' +
          'Offline: npm config set nodedir PREFIX, where PREFIX/include/node/node.h is'
        : 'mend what it says about binding.gyp; after a change of Python or npm: rm -rf build'
    })
    await runLogged(command, [...args, 'build', ...profile.targets, ...options], {
      ...settings,
      wayOut: 'mend what the compiler names; after a change of compiler: rm -rf build'
    })
    const absent = profile.outputs.filter((file) => !existsSync(join(root, 'build/Release', file)))
    if (absent.length > 0) {
      throw new SetupError(`binding.gyp built no ${absent.join(', ')}`, {
        logFile,
        wayOut: 'compare the targets in binding.gyp with .ci/setup/native-build.mjs'
      })
    }
    writeStamp(stampOf(root, name), wanted)
    // The targets of the smaller profiles were built, too.
    const names = Object.keys(profiles)
    for (const smaller of names.slice(0, names.indexOf(name))) {
      writeStamp(stampOf(root, smaller), wantedBuild(root, profiles[smaller]))
    }
  }
}
