// Reads fields of what a JSON or YAML parser returned: an absent field, or one of another type, is
// empty. Pure.
export type Fields = Readonly<Record<string, unknown>>

export function fieldsOf (value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

export function listOf (value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : []
}

export function textsOf (value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fieldsOf(value))
    .map(([name, each]) => [name, String(each)]))
}
