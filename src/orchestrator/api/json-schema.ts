// Building blocks of the API's JSON schemas. Answers are rendered by their schema, so an answer has
// exactly the fields that the documents show.

export type Schema = Readonly<Record<string, unknown>>

export const text: Schema = { type: 'string' }
export const number: Schema = { type: 'number' }
export const count: Schema = { type: 'integer' }
export const truth: Schema = { type: 'boolean' }
/** 64 bits do not fit into a JSON number. */
export const offset: Schema = { type: 'string', pattern: '^-?\\d{1,19}$' }
export const timeMs: Schema = { type: 'integer', description: 'milliseconds since the epoch' }

export function nullable (schema: Schema): Schema { return { ...schema, nullable: true } }

export function described (schema: Schema, description: string): Schema {
  return { ...schema, description }
}

export function choice (values: readonly string[]): Schema {
  return { type: 'string', enum: [...values] }
}

export function list (items: Schema): Schema { return { type: 'array', items } }

/** Counts by name. */
export function byName (values: Schema): Schema {
  return { type: 'object', additionalProperties: values }
}

/** All properties are required, except those of `optional`. */
export function object (
  properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []
): Schema {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties).filter(name => !optional.includes(name)),
    additionalProperties: false
  }
}
