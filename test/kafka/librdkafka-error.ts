// The values that node-rdkafka passes to callbacks in place of errors.

import type { LibrdKafkaError } from 'node-rdkafka'

/**
 * Its types claim that there always is an error; the value is null or undefined if there is none.
 */
export function isError (error: LibrdKafkaError | null | undefined): boolean {
  return error !== null && error !== undefined
}

/** A real Error, with librdkafka's text and code in its message. */
export function asError (error: LibrdKafkaError): Error {
  return new Error(`${error.message} (${error.code})`, { cause: error })
}
