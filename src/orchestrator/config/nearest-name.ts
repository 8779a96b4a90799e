// The correct name nearest to a misspelt one.

/** Undefined if no name is near: a distant name would not help the user. */
export function nearestName (written: string, names: Iterable<string>): string | undefined {
  // With more than half of a short name changed it is another name.
  const limit = Math.min(Math.max(2, Math.floor(written.length / 4)),
    Math.floor(written.length / 2))
  let nearest: string | undefined
  let nearestDistance = limit + 1
  for (const name of names) {
    // The difference in length is a lower bound.
    if (Math.abs(name.length - written.length) >= nearestDistance) continue
    const distance = editDistance(written.toLowerCase(), name.toLowerCase())
    if (distance < nearestDistance) [nearest, nearestDistance] = [name, distance]
  }
  return nearest
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one into the other. */
export function editDistance (from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      const swapped = row > 1 && column > 1 &&
        from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      current.push(Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
        swapped ? at(beforeLast, column - 2) + 1 : Infinity
      ))
    }
    [beforeLast, last] = [last, current]
  }
  return at(last, to.length)
}

function at (distances: readonly number[], column: number): number {
  return distances[column] ?? Infinity
}
