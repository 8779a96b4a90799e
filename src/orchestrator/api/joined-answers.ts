// Asks the other processes of a flow for their part of an answer, at the addresses that they have
// announced in the progress topic. A process that does not answer is named, and not waited for.
import type { FastifyRequest } from 'fastify'
import { isLoopback } from '../config/api-settings.ts'
import type { FlowMember } from '../control/control-record.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { ApiClient } from './api-client.ts'
import { runningFlow, type ApiContext } from './api-context.ts'
import type { Schema } from './json-schema.ts'
import type { MemberSignatures } from './member-signature.ts'

/** Whose part an answer has: that of the asked process, or those of all. */
export type Processes = 'this' | 'all'

export interface SilentProcess {
  readonly process: string
  readonly address: string
  readonly reason: string
}

export interface OtherParts<Part> {
  readonly parts: readonly Part[]
  readonly silent: readonly SilentProcess[]
}

/** What the other processes are asked. */
export interface JoinedRead<Part> {
  readonly flow: string
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  /** Whether an answer has the form that this version knows. */
  readonly isAnswer: (answer: unknown) => boolean
  /** The part of the flow; default: the answer. */
  readonly partOf?: (answer: object) => Part | undefined
}

interface Part { readonly process: string | null }

export interface ProcessesQuery { processes?: Processes }

type FlowRequest = Pick<FastifyRequest, 'validateInput'> & {
  readonly params: { readonly flow: string }
  readonly query: ProcessesQuery
}

/**
 * The read of a request, for the other processes: each answers with its own part. `below` is the
 * end of the path, after the flow.
 */
export function sameRead<Answer> (
  request: FlowRequest, below: string, answerSchema: Schema
): JoinedRead<Answer> {
  const { params: { flow }, query } = request
  // Without `processes`: the other process would ask this one in turn.
  const parameters = Object.entries(query).filter(([name]) => name !== 'processes')
  return {
    flow,
    path: `/flows/${encodeURIComponent(flow)}${below}`,
    query: Object.fromEntries(parameters.map(([name, value]) => [name, String(value)])),
    isAnswer: answer => request.validateInput(answer, answerSchema)
  }
}

/** A process that did not answer is asked again after this time, so that it delays few answers. */
const silentMs = 10_000
const silentMax = 256

export class JoinedAnswers {
  readonly #context: ApiContext
  readonly #signatures: MemberSignatures
  readonly #closed = new AbortController()
  /** By URL: requests that several joined answers wait for. */
  readonly #running = new Map<string, Promise<object>>()
  /** By address. */
  readonly #silent = new Map<string, { readonly untilMs: number, readonly reason: string }>()

  constructor (context: ApiContext, signatures: MemberSignatures) {
    this.#context = context
    this.#signatures = signatures
  }

  close (): void { this.#closed.abort() }

  async ofOthers<Answer extends Part> (read: JoinedRead<Answer>): Promise<OtherParts<Answer>> {
    const { joinedProcessesMax } = this.#context.limits
    const { memberName, members } = runningFlow(this.#context, read.flow).report()
    const others = members.filter(({ name }) => name !== memberName)
    const asked = await Promise.all(others.slice(0, joinedProcessesMax).map(
      async member => await this.#partOf(member, read)))
    return {
      parts: asked.flatMap(each => 'part' in each ? [each.part] : []),
      silent: [
        ...asked.flatMap(each => 'part' in each ? [] : [each]),
        ...others.slice(joinedProcessesMax).map(each =>
          silentOf(each, `not asked: an answer joins ${joinedProcessesMax} other processes`))
      ]
    }
  }

  async #partOf<Answer extends Part> (
    member: FlowMember, { isAnswer, partOf, path, query = {} }: JoinedRead<Answer>
  ): Promise<{ readonly part: Answer } | SilentProcess> {
    const { address, build, name } = member
    const problem = addressProblem(address) ?? this.#silentReason(address)
    if (problem !== undefined) return silentOf(member, problem)
    try {
      const answer = await this.#ask(address, path, query)
      if (!isAnswer(answer)) {
        return silentOf(member, `it answers in the form of another version (${build})`)
      }
      const part = partOf === undefined ? answer as Answer : partOf(answer)
      // 127.0.0.1 of another machine is another process here, or this one.
      return part?.process === name
        ? { part }
        : silentOf(member, 'another process answers at this address; set metrics.host of this ' +
          'process to an address that other machines reach, with api.tls.*')
    } catch (thrown) {
      const reason = ReplicatorError.from(thrown).message
      if (this.#silent.size >= silentMax) this.#silent.clear()
      this.#silent.set(address,
        { untilMs: this.#context.clock.monotonic() + silentMs, reason })
      return silentOf(member, reason)
    }
  }

  #silentReason (address: string): string | undefined {
    const silent = this.#silent.get(address)
    if (silent === undefined) return undefined
    if (silent.untilMs > this.#context.clock.monotonic()) return silent.reason
    this.#silent.delete(address)
    return undefined
  }

  async #ask (
    address: string, path: string, query: Readonly<Record<string, string | undefined>>
  ): Promise<object> {
    const key = JSON.stringify([address, path, query])
    const running = this.#running.get(key)
    if (running !== undefined) return await running
    const { clock, limits: { joinMsMax, joinRequestsMax }, mirror: { config } } = this.#context
    if (this.#running.size >= joinRequestsMax) {
      throw new Error(`${joinRequestsMax} requests to other processes run already`)
    }
    const token = config.process['api.token']
    const api = new ApiClient({
      url: address,
      token: '',
      signal: this.#closed.signal,
      answerMs: joinMsMax,
      // Reads of plain HTTP, which is on loopback, are open.
      authorize: signed => token === '' || address.startsWith('http:')
        ? ''
        : this.#signatures.sign(token, { address, path: signed }, clock.now())
    })
    const asked = api.get<object>(path, query)
    this.#running.set(key, asked)
    try {
      return await asked
    } finally {
      this.#running.delete(key)
    }
  }
}

function silentOf ({ address, name }: FlowMember, reason: string): SilentProcess {
  return { process: name, address, reason }
}

/** Only what a process announces is asked: an origin, and HTTP only on this machine. */
function addressProblem (address: string): string | undefined {
  if (address === '') return 'it serves no API'
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || url.origin !== address || !/^https?:$/.test(url.protocol)) {
    return 'its address is not that of an API'
  }
  return url.protocol === 'http:' && !isLoopback(url.hostname)
    ? 'it serves HTTP without TLS beyond loopback, where the API answers nobody'
    : undefined
}
