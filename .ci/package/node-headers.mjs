// The headers of each major version of Node, from the packages of npm that hold its binaries: they
// come from the registry that npm uses anyway.
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { childEnvironment, npmCommand } from '../setup/npm.mjs'
import { runLogged } from '../setup/step.mjs'

/** The prefix that has bin/node and include/node. */
export const nodePrefix = ({ folder }, major) =>
  join(folder, `node-${major}/node_modules/node-linux-${process.arch}`)

const isThere = (context, major) =>
  existsSync(join(nodePrefix(context, major), 'include/node/node.h'))

export const nodeHeaders = {
  name: 'headers of Node',

  whyStale (context) {
    const absent = context.nodeMajors.filter((major) => !isThere(context, major))
    return absent.length === 0 ? undefined : `missing for ${absent.join(', ')}`
  },

  async run (context, logFile) {
    const [command, args] = npmCommand()
    for (const major of context.nodeMajors) {
      if (isThere(context, major)) continue
      const cwd = join(context.folder, `node-${major}`)
      rmSync(cwd, { recursive: true, force: true })
      mkdirSync(cwd, { recursive: true })
      const name = `node-linux-${process.arch}@${major}`
      await runLogged(command, [...args, 'install', '--no-save', '--prefix', cwd, name], {
        logFile, cwd, env: childEnvironment(), wayOut: `is ${name} in the registry of npm?`
      })
    }
  }
}
