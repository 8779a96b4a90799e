// Chromium, for the tests of the page. Without it set-up prints a line, and those tests are
// skipped: the other long tests need no browser.
import { existsSync } from 'node:fs'
import { findOnPath } from './npm.mjs'
import { runLogged } from './step.mjs'

export const chromium = {
  name: 'Chromium',

  whyStale ({ withChromium }) {
    const isThere = ['chromium', 'chromium-browser', 'google-chrome'].some(findOnPath)
    return withChromium && !isThere ? 'missing' : undefined
  },

  async run (_context, logFile) {
    const byHand = 'the tests of the page are skipped: sudo apt-get install chromium'
    const isRoot = process.getuid?.() === 0
    if (!isRoot || !existsSync('/etc/debian_version') || findOnPath('apt-get') === undefined) {
      console.error(` ${byHand}`)
      return
    }
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const install = ['install', '-y', '-q', '--no-install-recommends', 'chromium']
    try {
      await runLogged('apt-get', ['update', '-q'], { logFile, env, wayOut: byHand })
      await runLogged('apt-get', install, { logFile, env, wayOut: byHand })
    } catch {
      console.error(` ${byHand} (${logFile})`)
    }
  }
}
