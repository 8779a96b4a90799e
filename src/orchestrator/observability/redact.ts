// Removes secrets from log lines: by the name of the field, at any depth, on a copy. Also converts
// values that JSON cannot represent.
import { isSecret, redacted } from '../config/secret-properties.ts'
import type { LogFields } from './log.ts'

/** Deeper objects are cut: log fields should be flat, and cycles must end. */
const depthMax = 5

export function redactFields (fields: LogFields): Record<string, unknown> {
  return copyFields(fields, 0)
}

function copyFields (fields: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) =>
    [name, isSecret(name) ? redacted : copyValue(value, depth)]))
}

function copyValue (value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return plainNumber(value)
  // pino's own serializer handles errors under `err`; elsewhere JSON would show {}.
  if (value instanceof Error) return depth === 0 ? value : value.message
  if (typeof value !== 'object' || value === null) return value
  if (depth >= depthMax) return '[cut]'
  if (value instanceof Map || value instanceof Set) return copyValue([...value], depth + 1)
  if (Array.isArray(value)) return value.map((one) => copyValue(one, depth + 1))
  return copyFields(value, depth + 1)
}


/** Offsets are logged as numbers, as long as a double represents them exactly. */
function plainNumber (value: bigint): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}
