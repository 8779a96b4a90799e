// Brings a clone to the point where it can run: system packages, npm packages, the native build,
// the TypeScript build. Each step runs only when stale and says why. Every npm script calls this.
// Usage: node .ci/setup.mjs [--with-java] [--with-doctest] [--with-sanitizers]
//                           [--only typescript|native]
//   --with-java         also what starts brokers: Java and Maven
//   --with-doctest      the C++ tests, without sanitizers: npm run test:fast
//   --with-sanitizers   the C++ tests without and with sanitizers: npm test
//   --with-chromium     the browser that tests the page: npm run test:long
//   --only              that build and what it needs, nothing else
//
// Nothing is imported before the version check, so that an old Node prints a sentence and not a
// syntax error.

const nodeMin = [20, 19]
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < nodeMin[0] || (major === nodeMin[0] && minor < nodeMin[1])) {
  console.error(
    `longhaul: needs Node ${nodeMin.join('.')} or later; ${process.execPath} is ` +
    `${process.version}: install a newer one, https://nodejs.org/en/download or nvm install 22`
  )
  process.exit(1)
}

if (process.argv.includes('--help')) {
  // The first comment of this file is the help.
  const { readFileSync } = await import('node:fs')
  const [comment] = readFileSync(new URL(import.meta.url), 'utf8').split('\n//\n')
  console.log(comment.replace(/^\/\/ ?/gm, ''))
  process.exit(0)
}

const { setUp } = await import('./setup/set-up.mjs')
const only = process.argv.indexOf('--only')
process.exitCode = await setUp({
  withJava: process.argv.includes('--with-java'),
  withDoctest: process.argv.includes('--with-doctest'),
  withSanitizers: process.argv.includes('--with-sanitizers'),
  withChromium: process.argv.includes('--with-chromium'),
  only: only === -1 ? undefined : process.argv[only + 1] ?? ''
})
