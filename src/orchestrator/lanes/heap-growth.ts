// How far V8 lets garbage fill the heap of the main thread, where metrics, events and messages of
// lanes become garbage.
import { setFlagsFromString } from 'node:v8'

/**
 * By default the new space doubles up to 32 MB before V8 collects it sooner, and the old space may
 * grow to several times the size of the live objects. After this call the new space keeps its size,
 * and the old space grows by half, or by 8 MB. V8 resets the first flag whenever it creates the
 * heap of a worker, so this function is called again when a lane has started.
 */
export function limitHeapGrowth (): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=50')
}
