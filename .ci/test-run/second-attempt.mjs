// The second attempt of test files that failed, in continuous integration only: which files get
// one, and what their results are then. A file that fails once and then passes is flaky: the run
// passes, and says so.

/** More failed files than this are no accident: the run fails at once. */
const retriedMax = 3

/** How often a file may be run: LONGHAUL_TEST_ATTEMPTS. */
export function readAttempts (text = '1') {
  if (text === '1' || text === '2') return Number(text)
  throw new Error(`longhaul: LONGHAUL_TEST_ATTEMPTS is 1 or 2, not ${text}`)
}

/** What test/kafka/process-guard prints when a program of a test crashes. */
const crash = / crashed: SIG[A-Z]+$/m

/**
 * The results of the files to run once more. A C++ program is never run again, as what a sanitizer
 * finds once is a fault, nor a file in which a program crashed; and such a run fails whatever its
 * other files do.
 */
export function chooseRetried (results, attempts) {
  const failed = results.filter((result) => result.failed > 0)
  const isHopeless = failed.length > retriedMax ||
    failed.some(({ output, stage }) => stage === 'c++' || crash.test(output))
  return attempts < 2 || isHopeless ? [] : failed
}

/**
 * Runs the chosen files again, one after the other, and calls `onEnd` with the result of each
 * attempt. Resolves with one result for each job.
 */
export async function runSecondAttempts (results, { attempts, jobs, run, onEnd }) {
  const final = new Map(results.map((result) => [result.name, result]))
  for (const first of chooseRetried(results, attempts)) {
    const second = await run(jobs.find(({ name }) => name === first.name))
    final.set(first.name, second.failed > 0 ? second : toFlaky(first, second))
    onEnd(first, final.get(first.name))
  }
  return [...final.values()]
}

function toFlaky (first, second) {
  const count = first.passed + first.failed
  const cause = [`${first.failed} of ${count} failed in the first attempt`, first.note]
  return { ...second, isFlaky: true, note: `flaky: ${cause.filter(Boolean).join(', ')}` }
}
