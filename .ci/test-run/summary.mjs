// The output of a test run: a line for each job as it ends, the whole output of failed jobs, the
// tables at the end and the last line.

const slowestCount = 10

/** `isShown`: also prints the output of a job that passed. */
export function printResult (result, isShown) {
  const { cpuSeconds, failed, name, note, output, passed, seconds, skipped, stage } = result
  const nothingRan = passed === 0 && skipped > 0
  const verdict = failed > 0 ? 'FAILED' : nothingRan ? 'skipped' : 'ok'
  const counts = failed > 0 ? `${passed} passed, ${failed} failed` : `${passed} passed`
  const line = `${verdict.padEnd(7)} ${seconds.toFixed(1).padStart(6)} s ` +
    `${cpuSeconds.toFixed(1).padStart(7)} s CPU  ${stage.padEnd(8)} ` +
    `${name}: ${counts}${note === '' ? '' : ` (${note})`}`
  if (failed > 0 || isShown) console.log(`\n== ${name}\n${output.trimEnd()}`)
  console.log(line)
}

/** Of a flaky file the first attempt says what is wrong, and is printed again near the end. */
export function printSecondAttempt (first, second) {
  console.log(`\n== second attempt of ${first.name}, alone`)
  printResult(second, false)
  if (second.failed === 0) {
    console.log(`\n== FLAKY ${first.name}: its first attempt\n${first.output.trimEnd()}`)
  }
}

/** Prints tables and the last line; true if no job failed. */
export function printTables (results, seconds) {
  const stages = [...new Set(results.map(({ stage }) => stage))]
  const rows = stages.map((stage) => {
    const of = results.filter((result) => result.stage === stage)
    return [stage, sum(of, ({ passed }) => passed), sum(of, ({ failed }) => failed),
      sum(of, ({ skipped }) => skipped), ...timesOf(of)]
  })
  printTable(['stage', 'passed', 'failed', 'skipped', 'seconds', 'CPU s'], rows)
  const slowest = results.toSorted((a, b) => b.seconds - a.seconds).slice(0, slowestCount)
  printTable(['slowest', 'seconds', 'CPU s'],
    slowest.map((each) => [each.name, ...timesOf([each])]))
  for (const { name, note } of results.filter((result) => result.note !== '')) {
    console.log(`\n${name}: ${note}`)
  }
  const failed = results.filter((result) => result.failed > 0)
  if (failed.length > 0) console.log(`\nfailed: ${namesOf(failed)}`)
  const flaky = results.filter((result) => result.isFlaky)
  if (flaky.length > 0) {
    console.log(`\nFLAKY, passed only in a second attempt: ${namesOf(flaky)}\n` +
      'A flaky file is a defect: open an issue with its first output, above under "== FLAKY"')
  }
  const count = sum(results, (result) => result.failed)
  const cpuSeconds = sum(results, (result) => result.cpuSeconds)
  console.log(`\n${(seconds / 60).toFixed(1)} minutes; ` +
    `${(cpuSeconds / seconds).toFixed(1)} processors were busy on average`)
  console.log(`${sum(results, ({ passed }) => passed)} passed, ${count} failed`)
  return count === 0
}

function namesOf (results) {
  return results.map(({ name }) => name).join(' ')
}

function sum (list, pick) {
  return list.reduce((total, result) => total + pick(result), 0)
}

function timesOf (results) {
  return [sum(results, ({ seconds }) => seconds), sum(results, ({ cpuSeconds }) => cpuSeconds)]
    .map((seconds) => seconds.toFixed(1))
}

function printTable (head, rows) {
  const width = Math.max(...[head, ...rows].map(([name]) => name.length))
  const line = ([name, ...cells]) =>
    name.padEnd(width) + cells.map((cell) => String(cell).padStart(9)).join('')
  console.log(`\n${[head, ...rows].map(line).join('\n')}`)
}
