// How much a busy machine delays programs: bounds of time that a test asserts grow by it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'

/**
 * How long a program that does nothing needs at most, from its start to its end. A long test leaves
 * time between the programs: each one costs some CPU.
 */
export function measureLoad (pauseMs = 0): { readonly stop: () => Promise<number> } {
  let isEnding = false
  let end: () => void = () => {}
  const ending = new Promise<void>(resolve => { end = resolve })
  const measuring = (async () => {
    let mostMs = 0
    do {
      const began = performance.now()
      await once(spawn(process.execPath, ['-e', '0']), 'exit')
      mostMs = Math.max(mostMs, performance.now() - began)
      await Promise.race([setTimeout(pauseMs, undefined, { ref: false }), ending])
    } while (!isEnding)
    return Math.round(mostMs)
  })()
  return { stop: async () => { isEnding = true; end(); return await measuring } }
}
