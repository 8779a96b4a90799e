// The API and the page as a fastify application: who may do what, how often, and how errors are
// answered. The HTTP server of the process hands it their requests.
import cors from '@fastify/cors'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import { fastify, type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import { version } from '../version.ts'
import { apiLimits, HttpError, type ApiContext, type ApiLimits } from './api-context.ts'
import { judgeAccess } from './authorization.ts'
import { refuseOtherTypes } from './body-types.ts'
import { addCaughtUpRoute } from './caught-up-route.ts'
import { addChangeRoutes } from './change-routes.ts'
import { addEventRoute } from './event-route.ts'
import { addFlowRoutes } from './flow-routes.ts'
import { JoinedAnswers } from './joined-answers.ts'
import { addMemberRoutes } from './member-routes.ts'
import { MemberSignatures } from './member-signature.ts'
import { addPageRoutes, isOfPage } from './page-routes.ts'
import { addPartitionRoutes } from './partition-routes.ts'

export interface ApiAppOptions extends Omit<ApiContext, 'limits'> {
  readonly limits?: Partial<ApiLimits>
}

const prefix = '/api/v1'
const paramLengthMax = 600
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
/** How often the log names refused requests. */
const refusalLogMs = 60_000

/** Ready to answer; close() ends open live views. */
export async function createApiApp (options: ApiAppOptions): Promise<FastifyInstance> {
  const limits = { ...apiLimits, ...options.limits }
  const context: ApiContext = { ...options, limits }
  const app = fastify({
    bodyLimit: limits.bodyBytesMax,
    routerOptions: { maxParamLength: paramLengthMax },
    frameworkErrors: answerUnrouted,
    // Unknown fields are refused, not removed: a mistyped `topic` must not pause the flow.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, allErrors: false } }
  })
  const pages = context.mirror.config.process['api.cors.origins']
  if (pages.length > 0) await app.register(cors, { origin: [...pages], methods: ['GET', 'POST'] })
  await app.register(rateLimit, { max: limits.requestsMax, timeWindow: limits.windowMs })
  await app.register(swagger, { openapi: openApiDocument })
  const addRefusals = watchMethods(app)
  const signatures = new MemberSignatures()
  const joined = new JoinedAnswers(context, signatures)
  app.addHook('preClose', async () => { joined.close() })
  addAccess(app, context, signatures)
  app.addHook('preValidation', refuseOtherTypes)
  addErrors(app, context)
  await app.register(async routes => {
    addFlowRoutes(routes, context, joined)
    addPartitionRoutes(routes, context, joined)
    addMemberRoutes(routes, context, joined)
    addCaughtUpRoute(routes, context)
    addChangeRoutes(routes, context)
    addEventRoute(routes, context)
  }, { prefix })
  addPageRoutes(app)
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  addRefusals()
  await app.ready()
  return app
}

/** After the limit of requests, so that it also bounds guesses; before the body is read. */
function addAccess (
  app: FastifyInstance, { clock, log, mirror }: ApiContext, signatures: MemberSignatures
): void {
  let saidMs = -Infinity
  app.addHook('preParsing', async (request, reply) => {
    if (isOfPage(request.routeOptions.url)) return
    const { config } = mirror
    const { authorization, host } = request.headers
    const token = config.process['api.token']
    const access = judgeAccess({ method: request.method, authorization, host }, {
      token,
      host: config.process['metrics.host'],
      isTls: config.serverTls !== undefined,
      isSigned: sent => signatures.isSigned(
        sent, token, { address: mirror.url, path: request.url }, clock.now())
    })
    if (access.isAllowed) return
    if (authorization !== undefined && clock.monotonic() - saidMs >= refusalLogMs) {
      saidMs = clock.monotonic()
      const why = access.status === 401 ? 'its token is wrong' : access.text
      log.warn({ ip: request.ip, path: request.url },
        `a request to the API is refused (${why}); further ones are not logged for a minute`)
    }
    if (access.status === 401) reply.header('www-authenticate', 'Bearer')
    throw new HttpError(access.status, access.text)
  })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
  })
}

/** The returned function lets each route added since answer 405 to methods that it lacks. */
function watchMethods (app: FastifyInstance): () => void {
  const methodsOf = new Map<string, string[]>()
  app.addHook('onRoute', ({ method, url }) => {
    methodsOf.set(url, [...methodsOf.get(url) ?? [], ...[method].flat()])
  })
  return () => {
    for (const [url, known] of [...methodsOf]) {
      const allow = known.join(', ')
      const refuse = async (_request: unknown, reply: FastifyReply): Promise<never> => {
        reply.header('allow', allow)
        throw new HttpError(405, `this path has ${allow}; see /api/openapi.json`)
      }
      const method = methods.filter(each => !known.includes(each))
      // Before the body is read, which such a request may have in any form.
      app.route({ method, url, schema: { hide: true }, preParsing: refuse, handler: refuse })
    }
  }
}

function addErrors (app: FastifyInstance, { log }: ApiContext): void {
  app.setErrorHandler(async (thrown: FastifyError, request, reply) => {
    const status = thrown.statusCode ?? 500
    if (status >= 500 && !(thrown instanceof HttpError)) {
      // The text may contain details that a stranger must not read.
      log.error({ err: thrown, path: request.url }, 'a request to the API failed')
      return await reply.code(500).send(errorBody('INTERNAL', 'internal error, see the log'))
    }
    const name = thrown instanceof HttpError && thrown.name !== 'Error'
      ? thrown.name
      : thrown.code ?? `HTTP_${status}`
    return await reply.code(status).send(errorBody(name, textOf(thrown)))
  })
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, async (_request, reply) =>
    await reply.code(404).send(errorBody('HTTP_404', 'not found; see /api/openapi.json')))
}

/** A path that cannot be decoded reaches neither a route nor the error handler. */
function answerUnrouted (
  { code, message, statusCode = 400 }: FastifyError, _request: unknown, reply: FastifyReply
): void {
  void reply.code(statusCode).send(errorBody(code, message))
}

/** What the validator says leaves out the allowed values, and the name of an unknown field. */
function textOf ({ message, validation }: FastifyError): string {
  const { allowedValues, additionalProperty } = validation?.[0]?.params ?? {}
  if (Array.isArray(allowedValues)) return `${message}: ${allowedValues.join(', ')}`
  if (typeof additionalProperty === 'string') return `${message}: ${additionalProperty}`
  return message
}

function errorBody (name: string, text: string): object { return { error: { name, text } } }

const openApiDocument = {
  openapi: '3.0.3',
  info: {
    title: 'Longhaul',
    description: 'One process of a mirror. An error is {"error": {"name", "text"}}.',
    version
  },
  components: {
    securitySchemes: {
      token: { type: 'http', scheme: 'bearer', description: 'api.token' } as const
    }
  }
}
