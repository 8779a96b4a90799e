// Counts of instructions: how they stand in callgrind's profile, and which of them grew.

/** A benchmark may grow by a tenth before the check fails. */
const hasGrown = (before, count) => count * 10 > before * 11

/** @returns {number} the instructions of a profile; callgrind writes them in its last line. */
export function readTotal (profile) {
  const total = /^totals: (\d+)$/m.exec(profile)
  if (total === null) throw new Error('a profile of callgrind has no line with "totals:"')
  return Number(total[1])
}

/**
 * @param {Record<string, number>} committed
 * @param {Record<string, number>} counts
 * @returns {{ lines: string[], failed: boolean }}
 */
export function compareCounts (committed, counts) {
  const lines = []
  let failed = false
  for (const [name, count] of Object.entries(counts)) {
    const before = committed[name]
    const growth = count / before - 1
    const grew = before !== undefined && hasGrown(before, count)
    failed ||= grew
    const change = before === undefined ? 'new' : `${growth >= 0 ? '+' : ''}${percent(growth)}`
    const row = `${name.padEnd(44)} ${String(count).padStart(11)} ${change}`
    lines.push(`${grew ? 'GREW' : 'ok  '} ${row}`)
  }
  for (const name of Object.keys(committed).filter((name) => counts[name] === undefined)) {
    failed = true
    lines.push(`GONE ${name}: native-bench/instructions.json has a benchmark that did not run`)
  }
  lines.push(failed
    ? 'A benchmark needs over 10 % more instructions, or is gone. If that is wanted: ' +
      'npm run bench -- --update'
    : 'No benchmark needs over 10 % more instructions than native-bench/instructions.json says.')
  return { lines, failed }
}

function percent (share) {
  return `${(share * 100).toFixed(1)} %`
}
