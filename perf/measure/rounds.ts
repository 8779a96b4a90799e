// A figure of several rounds: its median, and its lowest and highest value. Pure.

export function spread (values: readonly number[], digits: number): string {
  const middle = median(values).toFixed(digits)
  if (values.length < 2) return middle
  return `${middle} (${Math.min(...values).toFixed(digits)}-${Math.max(...values).toFixed(digits)})`
}

export function median (values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? upper
  return (upper + lower) / 2
}

/** One result with the median of each number, also of the numbers in its members. */
export function medianOf<Result extends object> (results: readonly Result[]): Result {
  const [first] = results
  if (first === undefined) throw new Error('no rounds')
  const entries = Object.entries(first).map(([name, value]: [string, unknown]) => {
    const values = results.map(result => (result as Record<string, unknown>)[name])
    if (typeof value === 'number') return [name, median(values.filter(isNumber))]
    const isMember = typeof value === 'object' && value !== null
    return [name, isMember ? medianOf(values as object[]) : value]
  })
  return Object.fromEntries(entries) as Result
}

function isNumber (value: unknown): value is number {
  return typeof value === 'number'
}
