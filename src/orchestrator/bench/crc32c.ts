// Castagnoli's CRC-32 of record batches. A batch whose header changes needs no second pass over its
// records: the CRC is linear, so the records add a constant, and move the header's CRC on by their
// length. Pure.

const polynomial = 0x82F63B78

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : crc >>> 1 ^ polynomial
  return crc >>> 0
})

/** The register after these bytes; without the inversions at the beginning and at the end. */
export function advanceCrc (register: number, bytes: Uint8Array): number {
  let crc = register
  for (const byte of bytes) crc = crc >>> 8 ^ (table[(crc ^ byte) & 0xFF] ?? 0)
  return crc >>> 0
}

/** The images of the 32 bits of the register. */
type Matrix = Uint32Array

/** What bytes after a changing head do to the register. */
export interface CrcTail {
  readonly constant: number
  readonly shift: Matrix
}

export function crcTail (tail: Uint8Array): CrcTail {
  return { constant: advanceCrc(0, tail), shift: zeroBytes(tail.length) }
}

/** The CRC of the head followed by the tail. */
export function joinCrc (head: Uint8Array, { constant, shift }: CrcTail): number {
  const register = advanceCrc(0xFFFFFFFF, head)
  return (apply(shift, register) ^ constant ^ 0xFFFFFFFF) >>> 0
}

/** The effect of this many zero bytes, by squaring. */
function zeroBytes (count: number): Matrix {
  let power = square(square(square(zeroBit())))
  let result: Matrix = Uint32Array.from({ length: 32 }, (_, bit) => 1 << bit)
  for (let left = count; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = multiply(power, result)
    power = square(power)
  }
  return result
}

function zeroBit (): Matrix {
  return Uint32Array.from({ length: 32 }, (_, bit) => bit === 0 ? polynomial : 1 << bit - 1)
}

function square (matrix: Matrix): Matrix { return multiply(matrix, matrix) }

function multiply (left: Matrix, right: Matrix): Matrix {
  return right.map(column => apply(left, column))
}

function apply (matrix: Matrix, register: number): number {
  let sum = 0
  for (let bit = 0, left = register; left !== 0; bit++, left >>>= 1) {
    if ((left & 1) === 1) sum ^= matrix[bit] ?? 0
  }
  return sum >>> 0
}
