// Cuts long lists into pieces that one request may carry. Pure.

/**
 * Consecutive pieces, none with more than `weightMax` in it, unless a single item weighs more: that
 * one goes alone. Every item weighs 1 unless told otherwise.
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
