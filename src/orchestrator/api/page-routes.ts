// GET /, /page/*: the files of the page, read once. They hold no secret and are open, so that a
// browser can load them before it has a token; what they show comes from the API by its rules.
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { HttpError } from './api-context.ts'

interface PageFile {
  readonly contentType: string
  readonly body: Buffer
}

const contentTypes: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8']
])

/** Nothing from elsewhere, nothing inline, no text that becomes markup or code, in no frame. */
const securityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
  "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

const routes = { page: '/', file: '/page/:file' } as const

/** Whoever reaches the server may read these routes. */
export function isOfPage (route: string | undefined): boolean {
  return route === routes.page || route === routes.file
}

export function addPageRoutes (app: FastifyInstance): void {
  const files = readPageFiles()
  const send = async (name: string, reply: FastifyReply): Promise<Buffer> => {
    const file = files.get(name)
    if (file === undefined) throw new HttpError(404, 'the page has no such file')
    reply.header('content-type', file.contentType)
      .header('content-security-policy', securityPolicy)
      .header('referrer-policy', 'no-referrer')
      .header('x-frame-options', 'DENY')
    return file.body
  }
  app.get(routes.page, { schema: { hide: true } },
    async (_request, reply) => await send('index.html', reply))
  app.get<{ Params: { file: string } }>(routes.file, { schema: { hide: true } },
    async ({ params: { file } }, reply) => await send(file, reply))
}

/** By name: no request names a path. */
function readPageFiles (): ReadonlyMap<string, PageFile> {
  // main.js imports the others.
  const folder = dirname(fileURLToPath(new URL('../../page/main.js', import.meta.url)))
  const library = dirname(createRequire(import.meta.url).resolve('uplot'))
  return new Map([
    ...readdirSync(folder).map((name): readonly [string, string] => [name, join(folder, name)]),
    ['uplot.js', join(library, 'uPlot.esm.js')] as const,
    ['uplot.css', join(library, 'uPlot.min.css')] as const
  ].flatMap(([name, path]) => {
    const contentType = contentTypes.get(extname(name))
    return contentType === undefined ? [] : [[name, { contentType, body: readFileSync(path) }]]
  }))
}
