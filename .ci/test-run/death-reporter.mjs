// A second reporter beside node's: reports how the process of a test file ended, if it crashed.
// Node's reporter prints only 'test failed' then.
export default async function * deaths (events) {
  for await (const { type, data } of events) {
    const error = data.details?.error
    if (type !== 'test:fail' || error?.failureType !== 'testCodeFailure') continue
    const { exitCode, signal } = error
    if (exitCode === undefined && signal === undefined) continue
    yield `\nlonghaul: the process of ${data.name} ended with ${signal ?? `code ${exitCode}`}\n`
  }
}
