// Answers to ApiVersions as a broker returns them that lacks an API: the key of that API is
// replaced by one that no client knows, so that the length of the answer is the same.
import { apiKeyOf } from './request-heads.ts'

const lengthBytes = 4
const apiVersionsKey = 18
/** From this version on the answer's array is compact and each of its entries has tagged fields. */
const flexibleFrom = 3
const unknownKey = 0x7ffe

/** Of one connection: its answers come in the order of its requests. */
export class ApiVersionsAnswers {
  readonly #hidden: ReadonlySet<number>
  /** Of each request without an answer its ApiVersions version; undefined: another request. */
  readonly #versions: Array<number | undefined> = []
  #bytes = Buffer.alloc(0)

  constructor (hidden: ReadonlySet<number>) {
    this.#hidden = hidden
  }

  asked (requestHead: Buffer): void {
    const isApiVersions = apiKeyOf(requestHead) === apiVersionsKey
    this.#versions.push(isApiVersions ? requestHead.readInt16BE(lengthBytes + 2) : undefined)
  }

  /** The whole answers that these bytes complete. */
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
    // Behind the correlation id and the error code.
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
