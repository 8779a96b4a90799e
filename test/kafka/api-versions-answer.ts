// Answers to ApiVersions like those of a broker that lacks an API: the key of that API is replaced
// by an unknown one, so that the length of the answer stays the same.
import { apiKeyOf } from './request-heads.ts'

const lengthBytes = 4
const apiVersionsKey = 18
/** From this version on the answer's array is compact and each of its entries has tagged fields. */
const flexibleFrom = 3
const unknownKey = 0x7ffe

/** For one connection: its answers arrive in the order of its requests. */
export class ApiVersionsAnswers {
  readonly #hidden: ReadonlySet<number>
  /** The ApiVersions version of each unanswered request; undefined: another kind of request. */
  readonly #versions: Array<number | undefined> = []
  #bytes = Buffer.alloc(0)

  constructor (hidden: ReadonlySet<number>) {
    this.#hidden = hidden
  }

  asked (requestHead: Buffer): void {
    const isApiVersions = apiKeyOf(requestHead) === apiVersionsKey
    this.#versions.push(isApiVersions ? requestHead.readInt16BE(lengthBytes + 2) : undefined)
  }

  /** The complete answers that end with these bytes. */
  push (bytes: Buffer): Buffer {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    let end = 0
    while (this.#bytes.length >= end + lengthBytes) {
      const next = end + lengthBytes + this.#bytes.readInt32BE(end)
      if (this.#bytes.length < next) break
      const version = this.#versions.shift()
      if (version !== undefined) this.#hide(this.#bytes.subarray(end, next), version)
      end = next
    }
    const whole = this.#bytes.subarray(0, end)
    this.#bytes = this.#bytes.subarray(end)
    return whole
  }

  #hide (answer: Buffer, version: number): void {
    // After the correlation id and the error code.
    let at = lengthBytes + 4 + 2
    let count: number
    if (version >= flexibleFrom) {
      count = answer.readUInt8(at) - 1
      if (count >= 127) throw new Error('a broker with so many APIs is not known')
      at += 1
    } else {
      count = answer.readInt32BE(at)
      at += 4
    }
    for (; count > 0; count--) {
      if (this.#hidden.has(answer.readInt16BE(at))) answer.writeInt16BE(unknownKey, at)
      at += 6
      if (version >= flexibleFrom && answer.readUInt8(at++) !== 0) {
        throw new Error('an API with tagged fields is not known')
      }
    }
  }
}
