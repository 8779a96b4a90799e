// Reads the fields of one answer in order, in the old encoding (int16 lengths) or in the flexible
// one (varint lengths, tagged fields).

export class ResponseReader {
  readonly #bytes: Buffer
  #at = 0

  constructor (bytes: Buffer) {
    this.#bytes = bytes
  }

  bool (): boolean { return this.int8() !== 0 }

  int8 (): number { return this.#bytes.readInt8(this.#take(1)) }

  int16 (): number { return this.#bytes.readInt16BE(this.#take(2)) }

  int32 (): number { return this.#bytes.readInt32BE(this.#take(4)) }

  int64 (): bigint { return this.#bytes.readBigInt64BE(this.#take(8)) }

  uuid (): string { return this.#bytes.toString('hex', this.#take(16), this.#at) }

  /** Null reads as an empty string. */
  string (): string { return this.#text(this.int16()) }

  bytes (): Buffer {
    const length = Math.max(0, this.int32())
    const from = this.#take(length)
    return this.#bytes.subarray(from, from + length)
  }

  array<Value> (element: () => Value): Value[] {
    return Array.from({ length: Math.max(0, this.int32()) }, element)
  }

  compactString (): string { return this.#text(this.#varint() - 1) }

  compactArray<Value> (element: () => Value): Value[] {
    return Array.from({ length: this.compactArrayLength() }, element)
  }

  /** For elements that are not needed. */
  compactArrayLength (): number { return Math.max(0, this.#varint() - 1) }

  /** Skips tagged fields. */
  tags (): void {
    for (let left = this.#varint(); left > 0; left--) {
      this.#varint()
      this.#take(this.#varint())
    }
  }

  #text (length: number): string {
    const from = this.#take(Math.max(0, length))
    return this.#bytes.toString('utf8', from, this.#at)
  }

  #varint (): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#take(1))
      value |= (byte & 0x7F) << shift
      if (byte < 0x80) return value
    }
  }

  #take (count: number): number {
    const from = this.#at
    this.#at += count
    return from
  }
}
