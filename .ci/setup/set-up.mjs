// The order of the steps, the lock around them, and the output of a failure. A step is an object {
// name, whyStale(context), run(context, log) }; whyStale returns a reason or undefined.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from './chromium.mjs'
import { librdkafka } from './librdkafka.mjs'
import { withLock } from './lock.mjs'
import { nativeBuild } from './native-build.mjs'
import { nodePackages } from './node-packages.mjs'
import { printFailure, runStep, SetupError, stopChildren } from './step.mjs'
import { systemPackages } from './system-packages.mjs'
import { typescriptBuild } from './typescript-build.mjs'

const supportedPlatforms = ['linux-x64', 'linux-arm64']

/** Every step after the steps that it needs. */
const allSteps = [
  systemPackages, nodePackages, librdkafka, nativeBuild, typescriptBuild, chromium
]

/** The steps of --only NAME. */
const partialSteps = {
  native: [systemPackages, nodePackages, librdkafka, nativeBuild],
  typescript: [nodePackages, typescriptBuild]
}

export async function setUp ({
  withJava, withDoctest = false, withSanitizers = false, withChromium = false, only
}) {
  const steps = only === undefined ? allSteps : partialSteps[only]
  if (steps === undefined) {
    console.error(`longhaul: --only needs one of: ${Object.keys(partialSteps).join(', ')}`)
    return 2
  }
  const root = resolve(fileURLToPath(import.meta.url), '../../..')
  const logDir = join(root, '.cache', 'setup')
  const context = { root, withJava, withDoctest, withSanitizers, withChromium, logDir }
  try {
    notePlatform()
    mustBeWhole(root)
    // Checked without the lock, so that the usual case (nothing to do) need not wait.
    if (!steps.some((step) => step.whyStale(context) !== undefined)) return 0
    const release = stopOnSignal()
    await withLock(join(root, '.cache', 'setup.lock'), () => runStaleSteps(steps, context))
    release()
    return 0
  } catch (error) {
    printFailure(error)
    return 1
  }
}

async function runStaleSteps (steps, context) {
  for (const step of steps) {
    // Checked again: another set-up may have done it while this one waited for the lock.
    const why = step.whyStale(context)
    if (why !== undefined) await runStep(step, why, context)
  }
}

function mustBeWhole (root) {
  const files = ['package.json', 'package-lock.json', 'binding.gyp', 'tsconfig.json']
  const missing = files.filter((file) => !existsSync(join(root, file)))
  if (missing.length === 0) return
  throw new SetupError(`missing: ${missing.join(', ')}`, {
    wayOut: `git checkout -- ${missing.join(' ')}`
  })
}

function notePlatform () {
  const platform = `${process.platform}-${process.arch}`
  if (supportedPlatforms.includes(platform)) return
  const supported = supportedPlatforms.join(', ')
  console.error(`longhaul: ${platform} is untested (supported: ${supported}); continuing`)
}

/** Ctrl-C must not leave a compiler running in the background. */
function stopOnSignal () {
  const onSignal = (_name, number) => {
    stopChildren()
    process.exit(128 + number)
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  return () => process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
}
