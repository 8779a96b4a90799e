// The types of the fields of a request's body. The validator turns values into the types of the
// schema, as it must in a query, which has only text. In a body it would turn null into 0.
import type { FastifyRequest } from 'fastify'
import { HttpError } from './api-context.ts'

interface BodySchema {
  readonly properties?: Readonly<Record<string, { readonly type?: string }>>
}

/** A hook before the validation. Throws, as the validator would, at a field of another type. */
export async function refuseOtherTypes (
  { body, routeOptions }: Pick<FastifyRequest, 'body' | 'routeOptions'>
): Promise<void> {
  const { properties } = (routeOptions.schema?.body ?? {}) as BodySchema
  if (typeof body !== 'object' || body === null || properties === undefined) return
  for (const [name, value] of Object.entries(body as Readonly<Record<string, unknown>>)) {
    const type = properties[name]?.type ?? typeof value
    if (typeof value === (type === 'integer' ? 'number' : type)) continue
    throw Object.assign(new HttpError(400, `body/${name} must be ${type}`),
      { code: 'FST_ERR_VALIDATION' })
  }
}
