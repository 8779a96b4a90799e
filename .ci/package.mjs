// Makes the tarball that `npm install --global` installs on a machine without a compiler.
// Usage: npm run package    writes .cache/package/longhaul-VERSION.tgz, and prints what it needs
import { readFileSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { portableAddons } from './package/portable-addons.mjs'
import { packedTree, stagedManifest, stagedTree } from './package/staged-tree.mjs'
import { nodeHeaders } from './package/node-headers.mjs'
import { portableLibrdkafka } from './package/portable-librdkafka.mjs'
import { withLock } from './setup/lock.mjs'
import { printFailure, runStep } from './setup/step.mjs'

/** node-rdkafka's addon works with one major version of Node, so each has its own. */
const nodeMajors = [20, 22, 24]

const root = resolve(fileURLToPath(import.meta.url), '../..')
const folder = join(root, '.cache/package')
const context = { root, folder, logDir: folder, nodeMajors }

try {
  // The lock of a set-up, which would replace node_modules while the steps compile from it.
  await withLock(join(root, '.cache/setup.lock'), async () => {
    for (const step of [nodeHeaders, portableLibrdkafka, portableAddons, stagedTree, packedTree]) {
      const why = step.whyStale(context)
      if (why !== undefined) await runStep(step, why, context)
    }
  })
  const file = packedTree.output(context)
  const { glibc } = JSON.parse(readFileSync(stagedManifest(context), 'utf8')).longhaul
  const megabytes = (statSync(file).size / 1e6).toFixed(1)
  console.log(`${join('.cache/package', basename(file))}: ${megabytes} MB, for Linux on ` +
    `${process.arch} with glibc ${glibc} or later and Node ${nodeMajors.join(', ')}`)
} catch (error) {
  printFailure(error)
  process.exitCode = 1
}
