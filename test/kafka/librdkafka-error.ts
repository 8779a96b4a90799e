// The values that node-rdkafka passes to callbacks in place of errors.

import type { LibrdKafkaError } from 'node-rdkafka'
import { eventually } from './eventually.ts'

const partialAnswerCode = -158

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

/** Of an error that asError() made. */
export function codeOf (thrown: unknown): number | undefined {
  return ((thrown as Error).cause as LibrdKafkaError | undefined)?.code
}

/**
 * On a busy machine a broker is fenced that had no time for its heartbeats: until its next one,
 * metadata names no broker, and librdkafka reports a partial answer.
 */
export async function unlessFenced<Value extends object> (
  what: string, attempt: () => Promise<Value>
): Promise<Value> {
  return await eventually(what, async () => await attempt().catch((thrown: unknown) => {
    if (codeOf(thrown) !== partialAnswerCode) throw thrown
    return undefined
  }))
}
