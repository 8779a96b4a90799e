// The partition to which a Java producer sends a record with this key: murmur2, as Kafka's
// Utils.murmur2 computes it.

const seed = 0x9747b28c
const factor = 0x5bd1e995

export function keyPartition (key: Buffer, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount
}

function murmur2 (key: Buffer): number {
  let hash = seed ^ key.length
  const whole = key.length - key.length % 4
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(key.readInt32LE(at), factor)
    word = Math.imul(word ^ word >>> 24, factor)
    hash = Math.imul(hash, factor) ^ word
  }
  for (let at = key.length - 1; at >= whole; at--) hash ^= (key[at] ?? 0) << 8 * (at - whole)
  if (whole < key.length) hash = Math.imul(hash, factor)
  hash = Math.imul(hash ^ hash >>> 13, factor)
  return hash ^ hash >>> 15
}
