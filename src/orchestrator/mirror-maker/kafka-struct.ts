// Keys and values of MirrorMaker 2's internal topics: a sequence of fields in Kafka's protocol
// types, without names or tags. A string is its length (int16) and its bytes in UTF-8.
import { ReplicatorError } from '../errors/replicator-error.ts'

const int16Max = 0x7fff

export class StructWriter {
  readonly #fields: Buffer[] = []

  int16 (value: number): this {
    const field = Buffer.alloc(2)
    field.writeInt16BE(value)
    return this.#append(field)
  }

  int32 (value: number): this {
    const field = Buffer.alloc(4)
    field.writeInt32BE(value)
    return this.#append(field)
  }

  int64 (value: bigint): this {
    const field = Buffer.alloc(8)
    field.writeBigInt64BE(value)
    return this.#append(field)
  }

  string (value: string): this {
    const bytes = Buffer.from(value, 'utf8')
    if (bytes.length > int16Max) {
      throw new ReplicatorError('INTERNAL_RECORD_UNREADABLE', `a string of ${bytes.length} bytes ` +
        `does not fit into an internal record of MirrorMaker 2, which holds ${int16Max} at most`)
    }
    return this.int16(bytes.length).#append(bytes)
  }

  bytes (): Buffer { return Buffer.concat(this.#fields) }

  #append (field: Buffer): this {
    this.#fields.push(field)
    return this
  }
}

/** Reads the fields in order. Like Kafka's classes, it ignores bytes after the last field. */
export class StructReader {
  readonly #bytes: Buffer
  /** Names the bytes in errors, for example "the value of a heartbeat". */
  readonly #name: string
  #position = 0

  constructor (bytes: Buffer, name: string) {
    this.#bytes = bytes
    this.#name = name
  }

  int16 (field: string): number { return this.#take(2, field).readInt16BE() }

  int32 (field: string): number { return this.#take(4, field).readInt32BE() }

  int64 (field: string): bigint { return this.#take(8, field).readBigInt64BE() }

  string (field: string): string {
    const length = this.int16(field)
    if (length < 0) throw this.unreadable(`the field ${field} has the length ${length}`)
    return this.#take(length, field).toString('utf8')
  }

  /** The header of a value: all releases of MirrorMaker 2 write version 0. */
  version (): void {
    const version = this.int16('version')
    if (version !== 0) throw this.unreadable(`it has version ${version}, and 0 is the only known`)
  }

  unreadable (what: string): ReplicatorError {
    const shown = this.#bytes.subarray(0, shownBytesMax).toString('hex')
    return new ReplicatorError('INTERNAL_RECORD_UNREADABLE', `${this.#name}: ${what} (${shown})`)
  }

  #take (length: number, field: string): Buffer {
    const end = this.#position + length
    if (end > this.#bytes.length) {
      throw this.unreadable(
        `the field ${field} ends at byte ${end}, the record has ${this.#bytes.length}`)
    }
    const taken = this.#bytes.subarray(this.#position, end)
    this.#position = end
    return taken
  }
}

const shownBytesMax = 100
