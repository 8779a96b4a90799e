// The contents of record number n of a partition: topic, partition, number and timestamp determine
// key, value and headers. So the check computes each record and compares all of it, without a copy
// of the written records. Pure.

export interface DemoRecord {
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
}

const poolBytes = 1 << 20

export class DemoRecords {
  readonly #recordBytes: number
  readonly #pool: Buffer

  constructor (recordBytes: number) {
    this.#recordBytes = recordBytes
    this.#pool = createPool(poolBytes + recordBytes)
  }

  /** Some records have no key, some no value, some have headers: n decides. */
  create (topic: string, partition: number, n: number, timestampMs: number): DemoRecord {
    return {
      key: n % 16 === 7 ? null : `${topic}/${partition}/${n}`,
      value: n % 64 === 63 ? null : this.#value(topic, partition, n, timestampMs),
      headers: n % 4 === 3
        ? [['partition', `${topic}/${partition}`], ['record', `${n} at ${timestampMs}`]]
        : []
    }
  }

  #value (topic: string, partition: number, n: number, timestampMs: number): Buffer {
    const value = Buffer.allocUnsafe(this.#recordBytes)
    const head = `{"record":${n},"at":${timestampMs},"partition":"${topic}/${partition}","text":"`
    const headBytes = value.write(head, 0, 'latin1')
    const textBytes = value.length - headBytes - 2
    // A step without a common factor with the pool's size: a start repeats only after 2^20 records.
    const start = ((n * 4 + partition) * 40_503 + topic.length * 7919) % poolBytes
    this.#pool.copy(value, headBytes, start, start + textBytes)
    value.write('"}', headBytes + textBytes, 'latin1')
    return value
  }
}

/** The number in the key, headers or value of a demo record; undefined: not a demo record. */
export function claimedNumber (record: {
  readonly key: string | null, readonly value: Buffer | null
}): number | undefined {
  const written = /\/(\d+)$/.exec(record.key ?? '')?.[1] ??
    /^\{"record":(\d+),/.exec(record.value?.toString('latin1', 0, 40) ?? '')?.[1]
  return written === undefined ? undefined : Number(written)
}

/** Words and digits that lz4 compresses to about half, the same in every run. */
function createPool (size: number): Buffer {
  const pool = Buffer.allocUnsafe(size)
  let state = 0x9e3779b9
  const next = (): number => {
    // xorshift32
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  for (let at = 0; at < size;) {
    const word = words[next() % words.length] ?? ''
    const text = next() % 4 === 0 ? `${next().toString(36)} ` : `${word} `
    at += pool.write(text, at, 'latin1')
  }
  return pool
}

const words = ('acks batch bytes broker byte carries chain checksum clean cluster codec commit ' +
  'copy count crosses epoch every fetch first flow follows forward group header holds keeps lag ' +
  'lane later leader linger log long marks meets mirror never next offset order passes path ' +
  'payload place producer reads record region remote sends sequence shallow slot source stays ' +
  'store stream target through topic travels turn unread wait whole writes').split(' ')
