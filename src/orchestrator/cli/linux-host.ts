// What `doctor` and `tune` read of the machine that they run on.
import { readFileSync } from 'node:fs'
import type { Host } from '../doctor/check.ts'

export const linux: Host = {
  read: path => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return undefined
    }
  }
}
