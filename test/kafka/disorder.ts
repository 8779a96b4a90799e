// What is wrong with the numbered records of a partition that should be there once and in order.

/** The first ten findings; `count` numbers were written, and perhaps more since. */
export function describeDisorder (numbers: readonly number[], count: number): string[] {
  const found: string[] = []
  let next = 0
  for (const [offset, number] of numbers.entries()) {
    if (Number.isNaN(number)) {
      found.push(`no number at offset ${offset}`)
      continue
    }
    if (number > next) found.push(`${next}..${number - 1} missing before offset ${offset}`)
    if (number < next) found.push(`${number} again at offset ${offset}`)
    next = Math.max(next, number + 1)
  }
  if (next < count) found.push(`${next}..${count - 1} missing at the end`)
  return found.slice(0, 10)
}
