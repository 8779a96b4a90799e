// MirrorMaker 2 or Longhaul with the same file, for tests that compare both.
import type { TestContext } from 'node:test'
import { MirrorMaker } from './mirror-maker-process.ts'
import { createPropertiesFile, startMirror, type Properties } from './mirror-process.ts'

export const engines = ['MirrorMaker 2', 'Longhaul'] as const

export type Engine = typeof engines[number]

export interface EitherMirror {
  until (what: string, probe: () => Promise<boolean>): Promise<unknown>
  /** Whether it says that it does not mirror a partition of the topic; MirrorMaker 2 never does. */
  readonly hasStopped: (topic: string) => Promise<boolean>
  stop (): Promise<unknown>
}

export async function startEither (
  t: TestContext, engine: Engine, properties: Properties
): Promise<EitherMirror> {
  const file = createPropertiesFile(t, properties)
  if (engine === 'MirrorMaker 2') {
    const mirror = await MirrorMaker.start(t, file)
    return {
      until: async (what, probe) => await mirror.until(what, probe),
      hasStopped: async () => false,
      stop: async () => { await mirror.stop() }
    }
  }
  const mirror = await startMirror(t, file)
  return {
    until: async (what, probe) => await mirror.until(what, probe),
    hasStopped: async topic => (await mirror.readiness()).reasons.some(reason =>
      reason.includes(`${topic}-`)),
    stop: async () => await mirror.stop()
  }
}
