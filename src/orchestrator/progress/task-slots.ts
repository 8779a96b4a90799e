// Which slot a topic-partition belongs to. Slots are the partitions of the progress topic: the
// owner of a slot mirrors its topic-partitions. Pure, and must never change: every process and
// every later version must compute the same slot.

/**
 * Partitions of one topic belong to slots far apart, so that a busy topic spreads over processes:
 * half of all slots apart, a quarter, three quarters. The group's assignor assigns contiguous
 * ranges of slots to a process that joins, and every other slot if two processes join at once. So
 * every second pair of partitions swaps even and odd slots; four partitions are then split two and
 * two.
 */
export function slotOf (topic: string, partition: number, slots: number): number {
  const apart = Math.floor(halved(partition) * slots)
  const quarter = Math.max(1, Math.floor(slots / 4))
  const start = apart - apart % quarter
  const shift = Math.floor(partition / 2) % 2 // moves on inside its quarter, so no slot is left out
  return (fnv1a(topic) + start + (apart - start + shift) % quarter) % slots
}

/** 0, 1/2, 1/4, 3/4, 1/8, 5/8, ...: van der Corput's sequence. */
function halved (index: number): number {
  let fraction = 0
  let left = index
  for (let part = 0.5; left > 0; part /= 2) {
    fraction += left % 2 * part
    left = Math.floor(left / 2)
  }
  return fraction
}

/** FNV-1a, 32 bits, over UTF-8. */
function fnv1a (text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text, 'utf8')) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  }
  return hash
}
