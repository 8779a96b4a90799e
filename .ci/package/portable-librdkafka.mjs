// A tree in which both addons are compiled for other machines: librdkafka without Kerberos and
// curl, whose libraries few machines have, and OpenSSL inside the addons. Everything that both
// builds can share is a link into the repository.
import {
  copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { wantedLibrdkafka } from '../setup/librdkafka.mjs'
import { childEnvironment } from '../setup/npm.mjs'
import { readStamp, removeStamp, writeStamp } from '../setup/stamp.mjs'
import { runLogged } from '../setup/step.mjs'

export const nativeTree = ({ folder }) => join(folder, 'native')
const librdkafkaOf = (context) =>
  join(nativeTree(context), 'node_modules/node-rdkafka/deps/librdkafka')
const stampOf = (context) => join(nativeTree(context), '.longhaul-stamp')
const wanted = ({ root }) => `${wantedLibrdkafka(root)} ${linkOptions.join(' ')}`

/**
 * Read by the compiler from a file, because make and the shell would expand $ORIGIN. libzstd and
 * libz are copied beside the addon: Debian's archives of them cannot be linked into a library.
 */
export const linkOptions = [
  '-l:libssl.a', '-l:libcrypto.a', '-lzstd', '-lz', '-lm', '-ldl', '-lpthread', '-lrt',
  '-static-libstdc++', '-static-libgcc', '-Wl,--exclude-libs,ALL',
  '-Wl,-rpath,$ORIGIN:$ORIGIN/../../../../../build/Release'
]

export const portableLibrdkafka = {
  name: 'portable librdkafka',

  whyStale (context) {
    return readStamp(stampOf(context)) === wanted(context)
      ? undefined
      : 'not compiled yet, or changed; 2 minutes'
  },

  async run (context, logFile) {
    removeStamp(stampOf(context))
    createTree(context)
    const cwd = librdkafkaOf(context)
    const settings = { logFile, cwd, env: childEnvironment(), wayOut: 'look at the log' }
    await runLogged('./configure', ['--disable-gssapi', '--disable-curl'], settings)
    useLinkOptions(context)
    await runLogged('make', ['clean'], settings)
    await runLogged('make', [`-j${settings.env.JOBS}`, 'libs'], settings)
    writeStamp(stampOf(context), wanted(context))
  }
}

function createTree (context) {
  const { root } = context
  const tree = nativeTree(context)
  rmSync(tree, { recursive: true, force: true })
  mkdirSync(join(tree, 'node_modules/node-rdkafka/deps'), { recursive: true })
  for (const shared of ['src', 'test', 'native-bench', 'package.json']) {
    symlinkSync(join(root, shared), join(tree, shared))
  }
  for (const name of ['node-addon-api', 'nan']) {
    symlinkSync(join(root, 'node_modules', name), join(tree, 'node_modules', name))
  }
  copyFileSync(join(root, 'binding.gyp'), join(tree, 'binding.gyp'))
  const source = join(root, 'node_modules/node-rdkafka')
  cpSync(join(source, 'src'), join(tree, 'node_modules/node-rdkafka/src'), { recursive: true })
  cpSync(join(source, 'deps/librdkafka'), librdkafkaOf(context), { recursive: true })
  for (const built of ['config.h', 'config.cache', 'Makefile.config']) {
    rmSync(join(librdkafkaOf(context), built), { force: true })
  }
}

/** binding.gyp links what the line LIBS names. */
function useLinkOptions (context) {
  const file = join(nativeTree(context), 'link-options')
  writeFileSync(file, `${linkOptions.join('\n')}\n`)
  const config = join(librdkafkaOf(context), 'Makefile.config')
  const text = readFileSync(config, 'utf8').replace(/^LIBS\+=.*$/gm, '')
  writeFileSync(config, `${text}LIBS+=@${file}\n`)
}
