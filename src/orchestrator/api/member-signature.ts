// The credential of reads between the processes of a flow. The address of a process is read from
// the progress topic, so whoever can write there could name an address of its own: api.token is
// never sent there. The credential allows one read, of one path, at one address, for half a minute.
import { createHmac, scryptSync, timingSafeEqual } from 'node:crypto'

export interface SignedRead {
  /** As the asked process announces it: https://10.0.0.1:9584. */
  readonly address: string
  /** With the query. */
  readonly path: string
}

/** Clocks of two machines may differ by this, and an answer may take as long. */
export const skewMsMax = 30_000
const scheme = 'Longhaul-Member'
const keyBytes = 32
/** The keys of the token of the file and of a former one. */
const keysMax = 4

export class MemberSignatures {
  readonly #keys = new Map<string, Buffer>()

  /** The value of the header Authorization. */
  sign (token: string, read: SignedRead, nowMs: number): string {
    return `${scheme} ${nowMs}.${this.#mac(token, read, nowMs).toString('base64url')}`
  }

  /** Whether a process with the same token has signed this read. False for other schemes. */
  isSigned (
    authorization: string | undefined, token: string, read: SignedRead, nowMs: number
  ): boolean {
    if (token === '' || read.address === '') return false
    const [, at, mac] = /^Longhaul-Member (\d{1,15})\.([\w-]{43})$/.exec(authorization ?? '') ?? []
    if (at === undefined || mac === undefined) return false
    if (Math.abs(nowMs - Number(at)) > skewMsMax) return false
    return timingSafeEqual(Buffer.from(mac, 'base64url'), this.#mac(token, read, Number(at)))
  }

  #mac (token: string, { address, path }: SignedRead, atMs: number): Buffer {
    return createHmac('sha256', this.#keyOf(token)).update(`GET\n${address}\n${path}\n${atMs}`)
      .digest()
  }

  /** Slow on purpose, and once a token: whoever receives a signature may guess tokens with it. */
  #keyOf (token: string): Buffer {
    const known = this.#keys.get(token)
    if (known !== undefined) return known
    if (this.#keys.size >= keysMax) this.#keys.clear()
    const key = scryptSync(token, 'longhaul reads between processes', keyBytes)
    this.#keys.set(token, key)
    return key
  }
}
