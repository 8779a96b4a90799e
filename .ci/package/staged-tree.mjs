// The folder that becomes the tarball: compiled TypeScript, addons, and the packages that run needs
// as bundled dependencies, so that npm neither downloads nor compiles anything.
import { spawnSync } from 'node:child_process'
import {
  copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync,
  writeFileSync
} from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { childEnvironment, npmCommand } from '../setup/npm.mjs'
import { hashFiles, listFiles, readStamp, removeStamp, writeStamp } from '../setup/stamp.mjs'
import { runLogged, SetupError } from '../setup/step.mjs'
import { nodePrefix } from './node-headers.mjs'
import {
  abiFolder, dataplaneOf, neededGlibc, nodeRdkafkaOf, sharedLibraries, stampOfAddons
} from './portable-addons.mjs'

const stageOf = ({ folder }) => join(folder, 'stage')
/** Only compiling needs it. */
const buildOnly = ['node-addon-api', 'nan']
/** Its `longhaul` tells what the package needs. */
export const stagedManifest = (context) => join(stageOf(context), 'package.json')
/** What people read, with what README.md refers to. */
const readFiles = ['README.md', 'CHANGELOG.md', 'CONFIGURATION.md', 'FAILURES.md', 'LICENSE',
  'METRICS.md']
/** The systemd unit, alert rules and the like, and their guide. */
const readFolders = ['deploy', 'docs']
/** Of the tarball; both steps run, or neither. */
const stampOf = ({ folder }) => join(folder, 'tarball-stamp')

function wanted (context) {
  const { root } = context
  const files = listFiles(root, ['dist/src', '.ci/package', ...readFolders], () => true)
  return hashFiles(root, ['package.json', 'package-lock.json', ...readFiles, ...files],
    [readStamp(stampOfAddons(context)) ?? ''])
}

function whyStale (context) {
  if (!existsSync(packedTree.output(context))) return 'not packed yet'
  return readStamp(stampOf(context)) === wanted(context) ? undefined : 'files changed'
}

export const stagedTree = {
  name: 'files of the package',
  whyStale,

  async run (context, logFile) {
    removeStamp(stampOf(context))
    const { root } = context
    const stage = stageOf(context)
    rmSync(stage, { recursive: true, force: true })
    mkdirSync(join(stage, 'build/Release'), { recursive: true })
    const take = (path) => !/\.(d\.ts|map|tsbuildinfo)$/.test(path)
    cpSync(join(root, 'dist/src'), join(stage, 'dist/src'), { recursive: true, filter: take })
    for (const file of readFiles) {
      copyFileSync(join(root, file), join(stage, file))
    }
    for (const folder of readFolders) {
      cpSync(join(root, folder), join(stage, folder), { recursive: true })
    }
    const packages = runtimePackages(root)
    for (const path of packages) copyPackage(context, path)
    await copyAddons(context, logFile)
    writeFileSync(stagedManifest(context), JSON.stringify(manifest(context), null, 2))
    writeFileSync(join(stage, 'THIRD-PARTY-NOTICES'), notices(context, packages))
  }
}

export const packedTree = {
  name: 'tarball',
  whyStale,
  output: ({ root, folder }) => join(folder, `longhaul-${manifestOf(root).version}.tgz`),

  async run (context, logFile) {
    const [command, args] = npmCommand()
    await runLogged(command, [...args, 'pack', '--pack-destination', context.folder], {
      logFile, cwd: stageOf(context), env: childEnvironment(), wayOut: 'look at the log'
    })
    writeStamp(stampOf(context), wanted(context))
  }
}

const manifestOf = (root) => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** npm refuses other systems, and warns of other versions of Node. */
function manifest (context) {
  const { name, version, description, license, type, bin, dependencies } = manifestOf(context.root)
  const kept = Object.fromEntries(
    Object.entries(dependencies).filter(([each]) => !buildOnly.includes(each)))
  return {
    name,
    version,
    description,
    license,
    type,
    bin,
    os: ['linux'],
    cpu: [process.arch],
    libc: ['glibc'],
    engines: { node: context.nodeMajors.map((major) => `^${major}`).join(' || ') },
    longhaul: { nodeMajors: context.nodeMajors, glibc: neededGlibc(context) },
    dependencies: kept,
    bundleDependencies: Object.keys(kept)
  }
}

/** The folders of all packages that a running process may load, relative to the repository. */
function runtimePackages (root) {
  const [command, args] = npmCommand()
  const { stdout, status } = spawnSync(command,
    [...args, 'ls', '--omit=dev', '--all', '--parseable'],
    { cwd: root, encoding: 'utf8', env: childEnvironment() })
  const paths = stdout.split('\n').filter((path) => path.includes('node_modules'))
    .map((path) => relative(root, path))
    .filter((path) => !buildOnly.includes(basename(path)) && !path.includes('@types'))
  if (status === 0 && paths.length > 0) return paths
  throw new SetupError('npm ls does not show the packages of package-lock.json', {
    wayOut: 'npm ci, then start again'
  })
}

/** Without what only compiling, testing or reading needs. */
function copyPackage ({ root, folder }, path) {
  const source = realpathSync(join(root, path))
  const target = join(folder, 'stage', path)
  const isNodeRdkafka = basename(path) === 'node-rdkafka'
  const left = isNodeRdkafka
    ? /^(build|deps|src|test|e2e|examples|bench|ci|util|binding\.gyp|.*\.(d\.ts|yml|sh|ps1))(\/|$)/
    : /(^|\/)(node_modules|test|tests|docs|example|examples|benchmark)(\/|$)|\.(map|d\.[cm]?ts)$/
  cpSync(source, target, {
    recursive: true,
    filter: (from) => !left.test(relative(source, from))
  })
  if (!isNodeRdkafka) return
  // Its install script would compile.
  const file = join(target, 'package.json')
  const ofPackage = JSON.parse(readFileSync(file, 'utf8'))
  writeFileSync(file, JSON.stringify({ ...ofPackage, scripts: {}, gypfile: false }, null, 2))
}

async function copyAddons (context, logFile) {
  const stage = stageOf(context)
  const release = join(stage, 'build/Release')
  const addons = [[dataplaneOf(context), join(release, 'dataplane.node')]]
  for (const major of context.nodeMajors) {
    const node = join(nodePrefix(context, major), 'bin/node')
    const abi = spawnSync(node, ['-p', 'process.versions.modules'], { encoding: 'utf8' }).stdout
    addons.push([nodeRdkafkaOf(context, major), join(stage, 'node_modules/node-rdkafka/lib/binding',
      abiFolder(abi.trim()), 'node-librdkafka.node')])
  }
  for (const [from, to] of addons) {
    mkdirSync(dirname(to), { recursive: true })
    copyFileSync(from, to)
    await runLogged('strip', ['--strip-unneeded', to], { logFile, wayOut: 'install binutils' })
  }
  for (const path of sharedLibraries(context)) {
    // By the name that the addons ask for, libzstd.so.1.
    copyFileSync(realpathSync(path), join(release, basename(path)))
  }
}

/** The licences of everything in the tarball that is not Longhaul. */
function notices ({ root }, packages) {
  const texts = packages.flatMap((path) => licencesOf(join(root, path)))
  const librdkafka = join(root, 'node_modules/node-rdkafka/deps/librdkafka')
  texts.push(['librdkafka', readNotice(join(librdkafka, 'LICENSES.txt'))])
  for (const library of ['libssl', 'libzstd', 'zlib1g', 'libstdc++']) {
    texts.push([library, readNotice(`/usr/share/doc/${developmentPackage(library)}/copyright`)])
  }
  const rule = '-'.repeat(80)
  return texts.map(([title, text]) => `${rule}\n${title}\n${rule}\n${text}`).join('\n')
}

/** Debian's; that of libstdc++ has the version of the compiler in its name. */
function developmentPackage (library) {
  const all = existsSync('/usr/share/doc') ? readdirSync('/usr/share/doc') : []
  const isItsOwn = (name) => name.startsWith(library) &&
    /^(-\d+)?-dev$/.test(name.slice(library.length))
  return all.find(isItsOwn) ?? `${library}-dev`
}

/** Of a package of npm: its texts, or what its package.json names. */
function licencesOf (folder) {
  const { author, license, name, repository, version } =
    JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const title = `${name} ${version}`
  const files = readdirSync(folder).filter((each) => /^(licen[cs]e|notice|copying)/i.test(each))
  if (files.length > 0) return files.map((file) => [title, readNotice(join(folder, file))])
  const [by, source] = [author?.name ?? author ?? '', repository?.url ?? repository ?? '']
  return [[title, `The package has no licence file. Its package.json names ${license}.\n` +
    `${[by, source].filter(Boolean).join('\n')}\n`]]
}

function readNotice (file) {
  if (existsSync(file)) return readFileSync(file, 'utf8')
  throw new SetupError(`${file} is missing, so the package would lack a licence`, {
    wayOut: 'an image may leave out /usr/share/doc: install the package that has the file again'
  })
}
