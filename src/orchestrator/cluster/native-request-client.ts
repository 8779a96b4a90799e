// Sends requests that its caller has encoded, and returns the answers as bytes: for measurements,
// which produce and fetch whole record batches. A client has one connection to each broker and
// sends up to `requestsAtOnce` requests at a time.
import { openAdmin, type NativeAdmin } from '../../dataplane/index.ts'
import type { ClusterClient } from '../config/client-properties.ts'
import { clusterError, isNativeFailure } from './cluster-error.ts'
import { quickClientProperties } from './quick-client.ts'
import { holdToken, type TokenHold } from './token-source.ts'

/** kCallsAtOnceMax of kafka/admin.h: further requests wait for an answer to an earlier one. */
export const requestsAtOnce = 4

export interface BrokerRequest {
  /** Id of the broker. */
  readonly node: number
  readonly apiKey: number
  /** A version whose encoding is not flexible (KIP-482). */
  readonly apiVersion: number
  readonly body: Buffer
}

/** A broker that does not answer within 5 s counts as one that does not answer (kAnswerMs). */
const timeoutMs = 15_000

export class RequestClient {
  readonly #cluster: string
  readonly #native: NativeAdmin
  readonly #token: TokenHold | undefined

  constructor ({ cluster, properties }: ClusterClient, clientId: string) {
    this.#cluster = cluster
    this.#native = openAdmin(quickClientProperties(properties, clientId))
    this.#token = holdToken(properties, token => { this.#native.setToken(token) })
  }

  async send (request: BrokerRequest): Promise<Buffer> {
    try {
      return await this.#native.call('sendRequest', request, timeoutMs) as Buffer
    } catch (thrown) {
      throw isNativeFailure(thrown) ? clusterError(this.#cluster, thrown, 'sendRequest') : thrown
    }
  }

  /** Idempotent. Requests that are still running reject with CLOSED. */
  async close (): Promise<void> {
    this.#token?.release()
    await this.#native.close()
  }
}
