// Divides long lists into parts that one request may carry. Pure.

/**
 * Consecutive parts with a weight of at most `weightMax`; a single heavier item is a part alone.
 * Every item weighs 1 by default.
 */
export function chunks<Item> (
  items: readonly Item[], weightMax: number, weigh: (item: Item) => number = () => 1
): Item[][] {
  const pieces: Item[][] = []
  let room = 0
  for (const item of items) {
    const weight = weigh(item)
    const last = pieces.at(-1)
    if (last === undefined || weight > room) {
      pieces.push([item])
      room = weightMax - weight
    } else {
      last.push(item)
      room -= weight
    }
  }
  return pieces
}
