// The table at the end of a test run and its last line.

/** Prints it; true when nothing failed. */
export function printTable (results) {
  const width = Math.max(...results.map(({ name }) => name.length), 'stage'.length)
  const cell = (value) => String(value).padStart(8)
  const row = (name, passed, failed, skipped, seconds, note) =>
    [name.padEnd(width), cell(passed), cell(failed), cell(skipped), cell(seconds), `  ${note}`]
      .join('').trimEnd()
  console.log(`\n${row('stage', 'passed', 'failed', 'skipped', 'seconds', '')}`)
  for (const { name, passed, failed, skipped, seconds, note } of results) {
    console.log(row(name, passed, failed, skipped, seconds.toFixed(1), note))
  }
  const sum = (pick) => results.reduce((total, result) => total + pick(result), 0)
  const failed = sum((result) => result.failed)
  console.log(`\n${sum((result) => result.passed)} passed, ${failed} failed`)
  return failed === 0
}
