// Which slot a topic-partition belongs to. Slots are the partitions of the progress topic: whoever
// owns one owns its topic-partitions. Pure, and never to be changed: every process and every later
// version must come to the same answer.

/** Partitions of one topic go to neighbouring slots, so that a hot topic spreads over processes. */
export function slotOf (topic: string, partition: number, slots: number): number {
  return (fnv1a(topic) + partition) % slots
}

/** FNV-1a, 32 bits, over UTF-8. */
function fnv1a (text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text, 'utf8')) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  }
  return hash
}
