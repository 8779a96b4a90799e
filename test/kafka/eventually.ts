// Bounded waits: every wait in the tests has a limit and a sentence that names its object. No limit
// judges speed: each is many times what a busy machine needs.

import { setTimeout as sleep } from 'node:timers/promises'

/**
 * The default limit of a wait. A test that succeeds never waits so long; on two cores that others
 * use, six brokers that start together need more than a minute.
 */
export const patienceMs = 180_000

export interface EventuallyOptions {
  readonly timeoutMs?: number
  readonly intervalMs?: number
}

/** Calls `probe` until it returns something other than undefined or false; fails naming `what`. */
export async function eventually<Value> (
  what: string,
  probe: () => Promise<Value | undefined | false> | Value | undefined | false,
  { timeoutMs = patienceMs, intervalMs = 25 }: EventuallyOptions = {}
): Promise<Value> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const value = await probe()
    if (value !== undefined && value !== false) return value
    if (Date.now() >= deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await sleep(intervalMs)
  }
}

/** Rejects if `promise` is not settled in time; its work continues unobserved. */
export async function withTimeout<Value> (
  what: string, timeoutMs: number, promise: Promise<Value>
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_resolve, reject) => {
    const expire = (): void => { reject(new Error(`not within ${timeoutMs} ms: ${what}`)) }
    timer = setTimeout(expire, timeoutMs)
  })
  try {
    return await Promise.race([promise, expired])
  } finally {
    clearTimeout(timer)
  }
}
